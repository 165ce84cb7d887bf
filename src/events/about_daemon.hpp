// events/about_daemon.hpp - the table's entries on connections, the store and the daemon. For
// events/table.cpp and render.
#pragma once

#include "events/about.hpp"

#include <string>

namespace events {

template <>
struct About<Listening> : At<Level::info> {
    using E = Listening;
    static constexpr Words words{"listening", Section::connections, "A socket is open for Postfix.", ""};
    static constexpr auto fields = std::tuple{field("address", &E::address)};
};

template <>
struct About<NotListening> : At<Level::warning> {
    using E = NotListening;
    static constexpr Words words{"not-listening", Section::connections,
                                 "One of the default addresses could not be opened, another could.",
                                 "Set `listen` to what you need."};
    static constexpr auto fields = std::tuple{field("address", &E::address), field("detail", &E::detail)};
};

template <>
struct About<ConnectionsFull> : At<Level::warning> {
    using E = ConnectionsFull;
    static constexpr Words words{
        "connections-full", Section::connections,
        "As many clients as `limits.max_connections` or the open files of the process allow are connected to "
        "this address. Half of the places are set aside in equal parts for the addresses listened on. Of the "
        "clients that have asked nothing for a second, those idle longest were closed to make room; Postfix "
        "connects again by itself. When there is none, the next ones wait.",
        "Raise the limit that the line names, or find out who connects."};
    static constexpr auto fields =
        std::tuple{field("connections", &E::connections), field("address", &E::address),
                   field("limit", &E::limit), field("closed", &E::closed), field("held_back", &E::held_back)};
};

template <>
struct About<AcceptFailed> : At<Level::error> {
    using E = AcceptFailed;
    static constexpr Words words{"accept-failed", Section::connections,
                                 "A connection could not be accepted, mostly because open files ran out.",
                                 "Raise the limit on open files."};
    static constexpr auto fields =
        std::tuple{field("address", &E::address), field("problem", &E::problem),
                   field("connections", &E::connections), field("held_back", &E::held_back)};
};

template <>
struct About<ProtocolViolation> : At<Level::warning> {
    using E = ProtocolViolation;
    static constexpr Words words{
        "protocol-violation", Section::connections,
        "A client sent what is no socketmap request, and was disconnected.",
        "Find out who that is: it is no Postfix, unless `limits.max_request` is too small."};
    static constexpr auto fields =
        std::tuple{field("peer", &E::peer), field("problem", &E::problem), field("held_back", &E::held_back)};
};

template <>
struct About<ControlListening> : At<Level::info> {
    using E = ControlListening;
    static constexpr Words words{"control-listening", Section::control,
                                 "The control socket is open for `stsmap`.", ""};
    static constexpr auto fields = std::tuple{field("address", &E::address)};
};

template <>
struct About<ControlNotListening> : At<Level::warning> {
    using E = ControlNotListening;
    static constexpr Words words{
        "control-not-listening", Section::control,
        "The control socket could not be opened at its default place. Postfix is served all the same.",
        "Use the units of the package, or set `control.socket` to a place that the daemon may write to."};
    static constexpr auto fields = std::tuple{field("address", &E::address), field("detail", &E::detail)};
};

template <>
struct About<ControlChange> : At<Level::info> {
    using E = ControlChange;
    static constexpr Words words{"control-change", Section::control,
                                 "An administrator changed something over the control socket.", ""};
    static constexpr auto fields =
        std::tuple{field("operation", &E::operation), field("domain", &E::domain, Show::unless_empty),
                   field("uid", &E::uid), field("by", &E::by, Show::unless_empty)};
};

template <>
struct About<ControlRefused> : At<Level::warning> {
    using E = ControlRefused;
    static constexpr Words words{
        "control-refused", Section::control,
        "Somebody who may only read asked for a change over the control socket. Nothing was changed.",
        "Find out who that is; changes are for root and for the user that runs the daemon."};
    static constexpr auto fields =
        std::tuple{field("operation", &E::operation), field("uid", &E::uid),
                   field("by", &E::by, Show::unless_empty), field("repeated", &E::repeated)};
    static constexpr Limit limit{base::seconds{60}, 64};
    static std::string key(const E& e) { return std::to_string(e.uid); }
};

template <>
struct About<ControlFull> : At<Level::warning> {
    using E = ControlFull;
    static constexpr Words words{"control-full", Section::control,
                                 "As many clients as there may be are connected to the control socket, and "
                                 "one was turned away. Some places "
                                 "are set aside for root and for the user that runs the daemon.",
                                 "Find out who connects."};
    static constexpr auto fields = std::tuple{field("connections", &E::connections), field("uid", &E::uid),
                                              field("repeated", &E::repeated)};
    static constexpr Limit limit{base::seconds{60}, 64};
    static std::string key(const E& e) { return std::to_string(e.uid); }
};

template <>
struct About<WebListening> : At<Level::info> {
    using E = WebListening;
    static constexpr Words words{"web-listening", Section::control,
                                 "The web listener is open for metrics, health and the status page.", ""};
    static constexpr auto fields = std::tuple{field("address", &E::address)};
};

template <>
struct About<WebNotListening> : At<Level::error> {
    using E = WebNotListening;
    static constexpr Words words{
        "web-not-listening", Section::control,
        "An address of the web listener could not be opened, or an inherited socket is not served there. "
        "Postfix is served all the same.",
        "Correct `web.listen`, `web.hosts` or the socket unit, and restart."};
    static constexpr auto fields = std::tuple{field("address", &E::address), field("detail", &E::detail)};
};

template <>
struct About<WebHostRefused> : At<Level::warning> {
    using E = WebHostRefused;
    static constexpr Words words{
        "web-host-refused", Section::control,
        "A request to the web listener was for a host that is not admitted, and got status 421. A page of a "
        "stranger may have tried to read what the daemon says through somebody's browser.",
        "If the host is one of yours, name it in `web.hosts`."};
    static constexpr auto fields = std::tuple{field("host", &E::host), field("repeated", &E::repeated)};
    static constexpr Limit limit{base::seconds{60}, 1};
    static std::string key(const E&) { return {}; }
};

template <>
struct About<WebFull> : At<Level::warning> {
    using E = WebFull;
    static constexpr Words words{
        "web-full", Section::control,
        "As many clients as there may be are connected to the web listener. The one that was waited for "
        "longest was closed to make room; if all are being answered, the new one is turned away.",
        "Find out who connects."};
    static constexpr auto fields =
        std::tuple{field("connections", &E::connections), field("repeated", &E::repeated)};
    static constexpr Limit limit{base::seconds{60}, 1};
    static std::string key(const E&) { return {}; }
};

template <>
struct About<StoreLoaded> : At<Level::info> {
    using E = StoreLoaded;
    static constexpr Words words{"store-loaded", Section::store, "What was remembered is in memory.", ""};
    static constexpr auto fields = std::tuple{field("policies", &E::policies), field("expired", &E::expired),
                                              field("unreadable", &E::unreadable)};
};

template <>
struct About<StoreFailed> : At<Level::error> {
    using E = StoreFailed;
    static constexpr Words words{
        "store-failed", Section::store,
        "Policies cannot be written to the disk. Answers go on from memory, and writing is tried again until "
        "it works.",
        "Make room on the disk, or repair it, before the daemon is stopped."};
    static constexpr auto fields =
        std::tuple{field("file", &E::file), field("problem", &E::problem), field("code", &E::code)};
};

template <>
struct About<StoreRecovered> : At<Level::info> {
    using E = StoreRecovered;
    static constexpr Words words{"store-recovered", Section::store,
                                 "It works again, and what had waited is written.", ""};
    static constexpr auto fields =
        std::tuple{field("file", &E::file), field("caught_up", &E::caught_up), field("after_s", &E::after)};
};

template <>
struct About<StoreRead> : At<Level::info> {
    using E = StoreRead;
    static constexpr Words words{"store-read", Section::store,
                                 "What the disk did not give back at the start is in memory now.", ""};
    static constexpr auto fields = std::tuple{field("file", &E::file), field("rows", &E::rows)};
};

template <>
struct About<StoreDamaged> : At<Level::error> {
    using E = StoreDamaged;
    static constexpr Words words{
        "store-damaged", Section::store,
        "The file was set aside under another name, and a new one has what could be saved. Without salvaged "
        "it happened while running, and everything in memory is written to the new file.",
        "Look at the disk."};
    static constexpr auto fields =
        std::tuple{field("file", &E::file), field("problem", &E::problem), field("moved_to", &E::moved_to),
                   field("salvaged", &E::salvaged, Show::unless_empty)};
};

template <>
struct About<StoreMoved> : At<Level::error> {
    using E = StoreMoved;
    static constexpr Words words{
        "store-moved", Section::store,
        "Somebody renamed, removed or replaced the file while it was in use, and a new one was made.",
        "Find out who does that."};
    static constexpr auto fields = std::tuple{field("file", &E::file), field("problem", &E::problem),
                                              field("log_moved_to", &E::log_moved_to)};
};

template <>
struct About<StoreChanged> : At<Level::warning> {
    using E = StoreChanged;
    static constexpr Words words{
        "store-changed", Section::store,
        "Another process wrote to the file or its log while it was in use, or removed the log. The file "
        "turned out to be in order, and everything in memory is written to it again.",
        "Find out who does that."};
    static constexpr auto fields = std::tuple{field("file", &E::file), field("problem", &E::problem)};
};

template <>
struct About<StoreRefilled> : At<Level::info> {
    using E = StoreRefilled;
    static constexpr Words words{"store-refilled", Section::store,
                                 "Everything in memory has been written to the new file.", ""};
    static constexpr auto fields = std::tuple{field("file", &E::file), field("rows", &E::rows)};
};

template <>
struct About<StoreRowsSkipped> : At<Level::error> {
    using E = StoreRowsSkipped;
    static constexpr Words words{"store-rows-skipped", Section::store,
                                 "Some of what was remembered could not be read.", "Look at the disk."};
    static constexpr auto fields = std::tuple{field("file", &E::file), field("rows", &E::rows),
                                              field("first_problem", &E::first_problem)};
};

template <>
struct About<StoreRowRefused> : At<Level::error> {
    using E = StoreRowRefused;
    static constexpr Words words{"store-row-refused", Section::store,
                                 "A policy was not written as it could not be read again.", "Report it."};
    static constexpr auto fields = std::tuple{field("domain", &E::domain), field("problem", &E::problem)};
};

template <>
struct About<StoreEmpty> : At<Level::warning> {
    using E = StoreEmpty;
    static constexpr Words words{"store-empty", Section::store, "The file was empty; it is created again.",
                                 "Find out who emptied it."};
    static constexpr auto fields = std::tuple{field("file", &E::file), field("problem", &E::problem)};
};

template <>
struct About<StoreUnlocked> : At<Level::warning> {
    using E = StoreUnlocked;
    static constexpr Words words{"store-unlocked", Section::store, "The disk does not take the lock file.",
                                 "See to it that no second daemon uses the directory."};
    static constexpr auto fields = std::tuple{field("file", &E::file), field("problem", &E::problem)};
};

template <>
struct About<StoreIncomplete> : At<Level::warning> {
    using E = StoreIncomplete;
    static constexpr Words words{"store-incomplete", Section::store,
                                 "The daemon stopped with something unwritten, which will be learnt again.",
                                 "Look at the disk."};
    static constexpr auto fields =
        std::tuple{field("file", &E::file), field("unwritten", &E::unwritten), field("refill", &E::refill)};
};

template <>
struct About<StoreStillFailing> : At<Level::debug> {
    using E = StoreStillFailing;
    static constexpr Words words{"store-still-failing", Section::steps,
                                 "Another attempt to write to the disk failed.", ""};
    static constexpr auto fields = std::tuple{field("problem", &E::problem)};
};

template <>
struct About<Ready> : At<Level::info> {
    using E = Ready;
    static constexpr Words words{"ready", Section::daemon, "Everything is open, and questions are answered.",
                                 ""};
    static constexpr auto fields = std::tuple{field("version", &E::version), field("policies", &E::policies)};
};

template <>
struct About<CannotStart> : At<Level::error> {
    using E = CannotStart;
    static constexpr Words words{"cannot-start", Section::daemon, "The daemon exits with status 1.",
                                 "Correct what the line says."};
    static constexpr auto fields = std::tuple{field("detail", &E::detail)};
};

template <>
struct About<RunningAsRoot> : At<Level::warning> {
    using E = RunningAsRoot;
    static constexpr Words words{"running-as-root", Section::daemon,
                                 "Somebody started the daemon as root, which it stays.",
                                 "Use the units of the package, or setpriv(1)."};
    static constexpr auto fields = std::tuple{field("detail", &E::detail)};
};

template <>
struct About<MemoryShort> : At<Level::error> {
    using E = MemoryShort;
    static constexpr Words words{
        "memory-short", Section::daemon,
        "There was no memory, and what is set aside for that case is in use. Known domains are still "
        "answered, others are TEMP.",
        "Give the daemon more memory, or lower `cache.max_policies` and `cache.max_absences`."};
    static constexpr auto fields = std::tuple{field("detail", &E::detail)};
};

template <>
struct About<MemoryBack> : At<Level::info> {
    using E = MemoryBack;
    static constexpr Words words{"memory-back", Section::daemon,
                                 "There is memory again, and new lookups are made.", ""};
    static constexpr auto fields = std::tuple{field("detail", &E::detail)};
};

template <>
struct About<Reload> : At<Level::info> {
    using E = Reload;
    static constexpr Words words{"reload", Section::daemon, "The configuration was read again.",
                                 "Restart the daemon where needs_restart names something."};
    static constexpr auto fields =
        std::tuple{field("changed", &E::changed), field("needs_restart", &E::needs_restart)};
};

template <>
struct About<ReloadFailed> : At<Level::error> {
    using E = ReloadFailed;
    static constexpr Words words{"reload-failed", Section::daemon,
                                 "The new configuration has mistakes, and the old one stays.",
                                 "Correct what the line says, and reload again."};
    static constexpr auto fields = std::tuple{field("detail", &E::detail), field("kept", &E::kept)};
};

template <>
struct About<Stopping> : At<Level::info> {
    using E = Stopping;
    static constexpr Words words{"stopping", Section::daemon, "A stop begins.", ""};
    static constexpr auto fields = std::tuple{field("signal", &E::signal)};
};

template <>
struct About<Stopped> : At<Level::info> {
    using E = Stopped;
    static constexpr Words words{"stopped", Section::daemon, "The stop is over.", ""};
    static constexpr auto fields = std::tuple{field("policies", &E::policies)};
};

template <>
struct About<LogOverrun> : At<Level::warning> {
    using E = LogOverrun;
    static constexpr Words words{"log-overrun", Section::daemon,
                                 "Lines were dropped, as whoever reads the log did not keep up.",
                                 "Look after the reader, or raise `log.level`."};
    static constexpr auto fields = std::tuple{field("lost", &E::lost)};
};

} // namespace events
