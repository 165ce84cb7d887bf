// wiring/secret_file.hpp - reads a file that has a secret: the fleet's keys, a password.
//
// It must be a regular file that only its owner and its group may use, and no larger than its limit. Errors are sentences
// for an operator: they name the file, and say nothing of what is in it. Blocking.
#pragma once

#include "base/expected.hpp"
#include "cache/valkey/crypto.hpp"
#include "cache/valkey/key_ring.hpp"

#include <cstddef>
#include <string>

namespace app {

inline constexpr std::size_t max_password_file = 4 * 1024; ///< octets
/// Of a key in PEM form, which another library reads.
inline constexpr std::size_t max_private_key_file = 64 * 1024;

/// All octets of the file are put into `secret`.
[[nodiscard]] base::Expected<void, std::string> read_secret(const std::string& path, std::size_t limit,
                                                            valkey::WipedText& secret);
/// Without the line end, if there is one ("\n" or "\r\n"); not empty.
[[nodiscard]] base::Expected<void, std::string> read_password(const std::string& path,
                                                              valkey::WipedText& password);
[[nodiscard]] base::Expected<valkey::KeyRing, std::string> read_key_ring(const std::string& path);
/// Whether read_secret() would read it.
[[nodiscard]] base::Expected<void, std::string> check_secret(const std::string& path, std::size_t limit);

} // namespace app
