// Any octets as a host's name and heartbeat: within the limits, printable, and read again as the same.
#include "fuzz.hpp"

#include "cache/valkey/hosts.hpp"

#include <utility>
#include <vector>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    std::vector<std::pair<std::string, std::string>> fields(1);
    fields[0].first = input.until('\n');
    fields[0].second = input.rest();
    fuzz::require(valkey::is_host_name(valkey::host_name_of(fields[0].first)), "a name for any host");
    const auto hosts = valkey::read_hosts(fields);
    fuzz::require(hosts.size() == 1, "every host");
    fuzz::require(fuzz::is_printable(hosts[0].name) && hosts[0].name.size() <= valkey::max_host_name,
                  "a printable name");
    if (!hosts[0].beat) return 0;
    const valkey::Heartbeat& beat = *hosts[0].beat;
    fuzz::require(fuzz::is_printable(beat.version) && beat.version.size() <= valkey::max_heartbeat_word,
                  "a printable version");
    fuzz::require(beat.counters.size() <= valkey::max_heartbeat_counters, "few counters");
    for (const auto& [name, count] : beat.counters)
        fuzz::require(fuzz::is_printable(name) && name.size() <= valkey::max_heartbeat_word,
                      "printable counters");
    const std::string record = write_heartbeat(beat);
    fuzz::require(record.size() <= valkey::max_heartbeat, "a record within its limit");
    const auto again = valkey::read_heartbeat(record);
    fuzz::require(again && again->at == beat.at && again->entries == beat.entries, "is read again");
    const valkey::Presence seen = presence(beat, base::Instant{base::seconds{1'796'000'000}});
    fuzz::require(!to_string(seen).empty(), "here or not");
    return 0;
}
