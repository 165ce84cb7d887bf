#include "lookup/record_outcome.hpp"

#include "sts/record.hpp"

namespace lookup {

base::Expected<std::string, base::Reason> record_outcome(const dns::Result& answer) {
    if (!answer) return base::unexpected(answer.error().reason);
    if (answer->kind != dns::Answer::Kind::data) return base::unexpected(base::Reason::no_record);
    return sts::find_id(answer->records);
}

} // namespace lookup
