// Any bytes as a TLSA record's RDATA.
#include "dane/tlsa.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view rdata = fuzz::view(data, size);
    const auto record = dane::parse_tlsa(rdata);
    fuzz::require(record.has_value() == (size >= 3), "three octets make a record");
    if (!record) return 0;
    fuzz::require(record->data == rdata.substr(3), "the data are what follows, unchanged");
    if (dane::usable(*record)) {
        fuzz::require(!record->data.empty(), "no record without data is usable");
        fuzz::require(record->usage == 2 || record->usage == 3, "DANE-TA and DANE-EE only");
        fuzz::require(record->matching == 0 || record->data.size() == 32U * record->matching,
                      "a digest has its own length");
    }
    const std::string name = dane::tlsa_name(rdata);
    fuzz::require(name.size() <= 253 && (name.empty() || name.ends_with(rdata)),
                  "a name that can be asked for");
    return 0;
}
