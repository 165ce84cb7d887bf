// TLSRPT records (one a line) give URIs or a reason, whatever their order.
#include "fuzz.hpp"

#include "tlsrpt/record.hpp"

#include <algorithm>
#include <vector>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> records(1);
    for (const char c : fuzz::view(data, size)) {
        if (c == '\n')
            records.emplace_back();
        else
            records.back().push_back(c);
    }
    const auto record = tlsrpt::find_record(records);
    std::ranges::reverse(records);
    fuzz::require(tlsrpt::find_record(records) == record, "order does not matter");
    if (!record) return 0;
    fuzz::require(!record->rua.empty(), "somewhere to report to");
    std::string again = "v=TLSRPTv1; rua=";
    for (const std::string& uri : record->rua) {
        fuzz::require(tlsrpt::kind_of(uri) == tlsrpt::UriKind::supported, "supported URIs alone");
        fuzz::require(uri.find_first_of(" \t,;!") == uri.npos, "nothing that would have to be encoded");
        again += (&uri == &record->rua.front() ? "" : ",") + uri;
    }
    fuzz::require(tlsrpt::find_record(std::vector{again}) == record, "written again it is the same");
    return 0;
}
