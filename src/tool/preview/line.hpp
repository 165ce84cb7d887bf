// tool/preview/line.hpp - a line of a mail log, taken apart: who wrote it, when, and what it says of a delivery. Pure.
//
// Postfix 3.4 to 3.12, all of its instances ("postfix-out/smtp") and services ("postfix/relay/smtp"). What is returned
// are views of the line. Texts are those of strangers (recipients, mail hosts' replies): nothing of them can pose as
// another part of the line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace preview {

/// The front of a line in a file.
struct Front {
    std::string_view time; ///< "Nov 28 20:35:20", "2026-11-28T20:35:20.123456+01:00": see times.hpp
    std::string_view host;
    std::string_view tag;     ///< "postfix-out/smtp"
    std::uint32_t pid = 0;    ///< 0: none
    std::string_view message; ///< behind "tag[pid]: "
};
/// nullopt: a line of another form, as of a program without "/" in its name.
[[nodiscard]] std::optional<Front> parse_front(std::string_view line) noexcept;

/// A program of Postfix that says something about deliveries.
enum class Program : std::uint8_t { smtp, lmtp, local, retry, qmgr, master, other };
struct Writer {
    std::string_view host{};
    std::string_view instance; ///< "postfix", "postfix-out"
    std::string_view service;  ///< "relay" of "postfix/relay/smtp"; "" not in the name
    Program program = Program::other;
};
/// `host` stays empty. local: local(8), virtual(8), pipe(8), discard(8); retry: error(8), which also says what the queue
/// manager put off; qmgr: also postsuper(1).
[[nodiscard]] Writer parse_tag(std::string_view tag) noexcept;

/// HOST[ADDRESS]:PORT, HOST[/a/socket], or a word: "none", "local", "procmail".
struct Peer {
    std::string_view host, address; ///< no address: `host` is a word
    std::uint16_t port = 0;         ///< 0: a socket, or none
    [[nodiscard]] bool none() const noexcept { return address.empty(); }
    friend bool operator==(const Peer&, const Peer&) = default;
};

enum class Status : std::uint8_t { sent, deferred, bounced, other };
/// What became of a message for one recipient.
struct Delivery {
    std::string_view queue_id;
    std::string_view recipient_domain; ///< as written; "" none
    Peer peer;
    std::string_view tls; ///< of Postfix 3.11 and newer: "secure", "!may:none"; "" not there
    std::string_view dsn; ///< "4.7.5"
    Status status = Status::other;
    std::string_view words; ///< in the parentheses behind the status
};

/// What a TLS connection was worth, in Postfix's words.
enum class Level : std::uint8_t { anonymous, untrusted, trusted, verified };
inline constexpr std::size_t levels = 4;
struct TlsLine {
    Level level{};
    Peer peer;
    std::string_view protocol; ///< "TLSv1.3"
};

/// The policy domain of what follows: "TLSRPT: ...", "MX name ... does not match ... for 'D'", and the like.
struct HopLine {
    std::string_view domain;
    bool reported = false, success = false; ///< of TLSRPT
    std::string_view failure;               ///< "certificate-host-mismatch"; "" none
};

struct Removed {
    std::string_view queue_id;
};
struct Started {}; ///< master(8) began: process ids are used again
struct Broken {};  ///< begins as a delivery and is none: cut, or damaged
using Event = std::variant<std::monostate, Delivery, TlsLine, HopLine, Removed, Started, Broken>;

/// The host of "connect to HOST[ADDRESS]:PORT: Connection refused" at the front of a delivery's words: where a delivery
/// with relay=none was meant to go. none(): the words are others.
[[nodiscard]] Peer meant_peer(std::string_view words) noexcept;

/// What the message says; std::monostate: nothing that matters here.
[[nodiscard]] Event parse_message(Program program, std::string_view message) noexcept;

} // namespace preview
