// tool/explain/document.hpp - the evidence as JSON: read from the daemon's reply and from a document of `stsmap
// explain --json`, and written for one. Pure.
//
// Strict: a member of another type, a time that is none, a missing member and a text that is too long are errors,
// with the place. Members that are not known here are left out, as a newer version may add some. Documents may come
// from strangers: octets, depth (tool/client/control_text.hpp) and the length of lists are bounded.
#pragma once

#include "base/expected.hpp"
#include "tool/explain/evidence.hpp"
#include "tool/explain/judge.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace explain {

inline constexpr std::size_t max_document = std::size_t{2} << 20; ///< octets
inline constexpr std::size_t max_hosts = 100;                     ///< of the live look
inline constexpr std::size_t max_items = 20000; ///< of one list; a policy of 64 KiB has fewer mx

/// "daemon.policy.mx[2]: not a text". Printable, for a person.
using DocumentError = std::string;

/// The text as JSON, if it is an object with "schema": 1 within the bounds.
[[nodiscard]] base::Expected<Json, DocumentError> parse_document(std::string_view text);

/// From the reply to GET /v1/domains/{domain}.
[[nodiscard]] base::Expected<Daemon, DocumentError> read_daemon(const Json& document);
/// From a document of `stsmap explain --json`. Its verdict is not read: it is judged again.
[[nodiscard]] base::Expected<Evidence, DocumentError> read_evidence(const Json& document);
[[nodiscard]] Json to_json(const Evidence& evidence, const Verdict& verdict);

class Reader;
/// Also a part of other documents.
[[nodiscard]] Postfix read_postfix(const Reader& in);
[[nodiscard]] Json to_json(const Postfix& postfix);

} // namespace explain
