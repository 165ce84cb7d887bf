// Any octets: a checked, lower-case name that parses to itself, or an error.
#include "fuzz.hpp"

#include "base/domain.hpp"
#include "base/text.hpp"
#include "sts/match.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::view(data, size);
    const std::string shown = base::printable(text, 100);
    fuzz::require(shown.size() <= 100, "printable text keeps its limit");
    for (char c : shown) fuzz::require(c >= 0x20 && c < 0x7f, "printable text is printable");
    const auto mx = sts::parse_mx(text);
    const auto domain = base::Domain::parse(text);
    if (!domain) {
        fuzz::require(!mx || mx->wildcard || sts::is_address(*mx),
                      "an mx is a domain, a wildcard or an address");
        return 0;
    }
    const std::string& name = domain->name();
    fuzz::require(!name.empty() && name.size() <= 253, "length of the name");
    fuzz::require(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == name.npos,
                  "bytes of a name");
    fuzz::require(name.find_first_not_of("0123456789.") != name.npos, "no address");
    fuzz::require(name.front() != '.' && name.back() != '.' && name.find("..") == name.npos,
                  "no empty label");
    fuzz::require(base::Domain::parse(name) == domain, "a name is one");
    fuzz::require(base::Domain::parse(name + ".") == domain, "the final dot does not matter");
    if (base::ascii_lower(text) == name)
        fuzz::require(sts::matches({name, false}, text), "a pattern covers its own name");
    return 0;
}
