// TXT records (one a line) give an id of 1 to 32 letters and digits or a reason, whatever their order.
#include "fuzz.hpp"

#include "sts/record.hpp"

#include <algorithm>
#include <vector>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> records(1);
    for (char c : fuzz::view(data, size)) {
        if (c == '\n')
            records.emplace_back();
        else
            records.back().push_back(c);
    }
    const auto id = sts::find_id(records);
    std::ranges::reverse(records);
    fuzz::require(sts::find_id(records) == id, "order does not matter");
    if (!id) return 0;
    fuzz::require(!id->empty() && id->size() <= 32, "length of the id");
    fuzz::require(id->find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") ==
                      id->npos,
                  "letters and digits");
    records.push_back("v=spf1 -all");
    fuzz::require(sts::find_id(records) == id, "other records do not matter");
    fuzz::require(sts::find_id(std::vector{"v=STSv1; id=" + *id}) == id, "the id is one");
    records.push_back("v=STSv1; id=" + *id);
    fuzz::require(sts::find_id(records) == base::unexpected(base::Reason::record_multiple), "two are none");
    return 0;
}
