// cache/valkey/hosts.hpp - the heartbeats of a fleet's hosts, for `stsmap fleet status`. Pure.
//
// One field a host in the hash PREFIX:1:hosts: the host's name -> a JSON object. They are not sealed: whoever can write
// to the engine can write them too, so nothing is decided by them. Members that a reader does not know are left out.
#pragma once

#include "base/clock.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace valkey {

inline constexpr std::size_t max_host_name = 253;      ///< octets
inline constexpr std::size_t max_heartbeat = 4 * 1024; ///< octets of one host's record
inline constexpr std::size_t max_hosts = 4096;
inline constexpr std::size_t max_heartbeat_counters = 32;
inline constexpr std::size_t max_heartbeat_word = 40; ///< octets of a version and of a counter's name

/// 1 to 253 letters, digits, '-', '_' and '.'.
[[nodiscard]] bool is_host_name(std::string_view text) noexcept;
/// What the system says that the host is called, as is_host_name(): other octets become '-', no name "unnamed".
[[nodiscard]] std::string host_name_of(std::string_view system);

struct Heartbeat {
    std::string version;                           ///< of the program
    base::Instant at{};                            ///< by the host's own clock
    std::uint64_t entries = 0;                     ///< policies that it knows
    std::map<std::string, std::uint64_t> counters; ///< since its start
    friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

/// At most max_heartbeat octets: of more than max_heartbeat_counters the first in the order of their names.
[[nodiscard]] std::string write_heartbeat(const Heartbeat& beat);
/// Of any octets; the texts come out printable and cut. Nothing: not of the format.
[[nodiscard]] std::optional<Heartbeat> read_heartbeat(std::string_view record);

struct Host {
    std::string name;              ///< printable
    std::optional<Heartbeat> beat; ///< nothing: it is not of the format
    friend bool operator==(const Host&, const Host&) = default;
};
/// In the order of their names; of more than max_hosts the first in the order given.
[[nodiscard]] std::vector<Host> read_hosts(std::span<const std::pair<std::string, std::string>> fields);

inline constexpr base::seconds heartbeat_every{30};
/// What a heartbeat says of its host.
enum class Presence {
    here,
    silent,      ///< three heartbeats are missing
    gone,        ///< for a week: its field may be removed
    other_clock, ///< it is dated over five minutes ahead of us: one of the two clocks is wrong
};
[[nodiscard]] std::string_view to_string(Presence presence) noexcept;
[[nodiscard]] Presence presence(const Heartbeat& beat, base::Instant now);

} // namespace valkey
