// Queries as the C library sends them, and servers from which it gets an answer: glibc itself is the judge.
#include "tool/setup/ask_servers.hpp"

#include "support/late.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <sys/socket.h>
#include <unistd.h>

// glibc's resolvers protect their shared data with internal locks, which ThreadSanitizer does not see. Nobody else calls
// this.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
    return "race:libc_dynarray_emplace_enlarge\nrace:resolv_conf\n";
}

namespace {

using namespace setup;
using namespace std::chrono_literals;

struct Socket {
    explicit Socket(int type) : fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {}
    explicit Socket(int accepted, std::nullptr_t) : fd(accepted) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() { ::close(fd); }
    int fd;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

std::uint16_t bind_to(int fd, std::uint16_t port) {
    sockaddr_in address = loopback(port);
    socklen_t size = sizeof address;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) return 0;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

bool has_edns(const Octets& query) { return query[11] != 0; }

/// The reply with this code: the question, no records unless `records`.
Octets reply_to(const Octets& query, unsigned rcode, unsigned records = 0) {
    Octets reply(query.begin(), query.begin() + 12);
    std::size_t end = 12;
    while (query[end] != 0) end += query[end] + 1U;
    reply.insert(reply.end(), query.begin() + 12, query.begin() + static_cast<std::ptrdiff_t>(end) + 5);
    reply[2] = 0x81;                                    // QR, RD
    reply[3] = static_cast<std::uint8_t>(0x80 | rcode); // RA
    reply[7] = static_cast<std::uint8_t>(records);
    reply[11] = 0;
    for (unsigned i = 0; i < records; ++i) // A, at the name of the question
        reply.insert(reply.end(), {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1});
    return reply;
}

const std::vector<Octets> none;
std::vector<Octets> one(Octets message) {
    std::vector<Octets> messages;
    messages.push_back(std::move(message));
    return messages;
}

/// A name server in one thread, over UDP and, if wanted, TCP at the same port.
class NameServer {
public:
    using Script = std::function<std::vector<Octets>(const Octets& query, bool tcp)>;

    NameServer(Script script, bool tcp) : script_(std::move(script)) {
        for (int tries = 0; port_ == 0 && tries < 20; ++tries) {
            stream_.emplace(SOCK_STREAM);
            datagrams_.emplace(SOCK_DGRAM);
            const std::uint16_t port = bind_to(datagrams_->fd, 0);
            if (bind_to(stream_->fd, port) == port) port_ = port;
        }
        if (port_ == 0) throw std::runtime_error("no port for both");
        if (tcp) ::listen(stream_->fd, 8); // else connections are refused
        tcp_ = tcp;
        thread_ = std::thread([this] { serve(); });
    }
    ~NameServer() {
        stop_ = true;
        thread_.join();
    }
    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// The queries so far; call it only when no more come.
    [[nodiscard]] std::vector<Octets> queries() const { return queries_; }

private:
    void serve() {
        while (!stop_) {
            std::array<pollfd, 2> polls{{{datagrams_->fd, POLLIN, 0}, {tcp_ ? stream_->fd : -1, POLLIN, 0}}};
            if (::poll(polls.data(), polls.size(), 20) <= 0) continue;
            if (polls[0].revents != 0) datagram();
            if (polls[1].revents != 0) stream();
        }
    }
    void datagram() {
        Octets query(4096);
        sockaddr_in from{};
        socklen_t size = sizeof from;
        auto* where = reinterpret_cast<sockaddr*>(&from);
        const ssize_t got = ::recvfrom(datagrams_->fd, query.data(), query.size(), 0, where, &size);
        if (got < 17) return;
        query.resize(static_cast<std::size_t>(got));
        queries_.push_back(query);
        for (const Octets& message : script_(query, false))
            ::sendto(datagrams_->fd, message.data(), message.size(), 0, where, size);
    }
    void stream() {
        const Socket peer(::accept(stream_->fd, nullptr, nullptr), nullptr);
        Octets query(4096);
        const ssize_t got = ::recv(peer.fd, query.data(), query.size(), 0);
        if (got < 19) return;
        query.assign(query.begin() + 2, query.begin() + got);
        for (const Octets& message : script_(query, true)) {
            Octets framed{static_cast<std::uint8_t>(message.size() >> 8),
                          static_cast<std::uint8_t>(message.size() & 0xff)};
            framed.insert(framed.end(), message.begin(), message.end());
            ::send(peer.fd, framed.data(), framed.size(), MSG_NOSIGNAL);
        }
    }

    Script script_;
    std::optional<Socket> datagrams_, stream_;
    std::uint16_t port_ = 0;
    bool tcp_ = false;
    std::atomic<bool> stop_ = false;
    std::vector<Octets> queries_;
    std::thread thread_;
};

/// glibc's resolver, set as smtp(8) sets it. Returns whether it gets an answer; "no such name" is one.
bool libc_answers(std::uint16_t port, const DnsLookup& lookup) {
    struct __res_state state {};
    if (::res_ninit(&state) != 0) throw std::runtime_error("res_ninit");
    state.nscount = 1;
    state.nsaddr_list[0] = loopback(port);
    state.retrans = 1;
    state.retry = 1;
    state.options = RES_INIT | RES_RECURSE;
    if (lookup.dnssec) state.options |= RES_USE_EDNS0 | RES_USE_DNSSEC | RES_TRUSTAD;
    Octets answer(4096);
    const int got = ::res_nquery(&state, lookup.name.c_str(), ns_c_in, static_cast<int>(lookup.type),
                                 answer.data(), static_cast<int>(answer.size()));
    const int error = state.res_h_errno;
    ::res_nclose(&state);
    return got >= 0 || error == HOST_NOT_FOUND || error == NO_DATA;
}

net::Endpoint at(std::uint16_t port) { return *net::parse_endpoint("127.0.0.1:" + std::to_string(port), 53); }

TEST(LibcDns, SendsWhatGlibcSends) {
    for (const bool dnssec : {true, false})
        for (const char* name : {"", "example.com", "a.b.c.d.e.example",
                                 "sixty-three-octets-are-as-many-as-a-label-of-a-name-may-have-xx.example"})
            for (const LookupType type : {LookupType::a, LookupType::mx, LookupType::soa}) {
                const DnsLookup lookup{name, type, dnssec};
                const auto script = [](const Octets& query, bool) { return one(reply_to(query, 0)); };
                std::vector<Octets> queries;
                {
                    NameServer server(script, false);
                    EXPECT_TRUE(libc_answers(server.port(), lookup)) << name;
                    const auto replies = ask_servers({{at(server.port()), false}}, {lookup}, 5s);
                    EXPECT_TRUE(replies[0][0].answered) << name << ": " << replies[0][0].trouble;
                    queries = server.queries();
                }
                ASSERT_EQ(queries.size(), 2U) << name;
                const Octets& theirs = queries[0];
                const auto id = static_cast<std::uint16_t>(theirs[0] << 8 | theirs[1]);
                EXPECT_EQ(encode(lookup, id), theirs) << name;
                queries[1][0] = theirs[0];
                queries[1][1] = theirs[1];
                EXPECT_EQ(queries[1], theirs) << name;
            }
}

TEST(LibcDns, EncodesNoNamesThatAreNone) {
    for (const std::string& name :
         {std::string("a..b"), std::string(".a"), std::string(64, 'x') + ".example", std::string(254, 'x')})
        EXPECT_TRUE(encode({name, LookupType::a, true}, 1).empty()) << name;
    const auto replies = ask_servers({{at(53), false}}, {{"a..b", LookupType::a, true}}, 1s);
    EXPECT_NE(replies[0][0].trouble.find("not a name"), std::string::npos);
}

/// A server's way to answer, and the result.
struct Way {
    const char* name;
    NameServer::Script script;
    bool tcp = true;
    const char* trouble = nullptr; ///< that we find; nullptr: it answers
    bool stricter = false;         ///< we are stricter than glibc, on purpose
};

Octets changed(Octets message, std::size_t at, std::uint8_t value) {
    message[at] = value;
    return message;
}

const Way ways[] = {
    {"records", [](const Octets& q, bool) { return one(reply_to(q, 0, 1)); }},
    {"no records", [](const Octets& q, bool) { return one(reply_to(q, 0)); }},
    {"no such name", [](const Octets& q, bool) { return one(reply_to(q, 3)); }},
    {"servfail", [](const Octets& q, bool) { return one(reply_to(q, 2)); }, true, "SERVFAIL"},
    {"refused", [](const Octets& q, bool) { return one(reply_to(q, 5)); }, true, "REFUSED"},
    {"not implemented", [](const Octets& q, bool) { return one(reply_to(q, 4)); }, true, "NOTIMP"},
    {"format error", [](const Octets& q, bool) { return one(reply_to(q, 1)); }, true, "FORMERR"},
    {"format error without the question",
     [](const Octets& q, bool) {
         Octets bare = changed(reply_to(q, 1), 5, 0);
         bare.resize(12);
         return one(bare);
     },
     true, "FORMERR"},
    {"another code", [](const Octets& q, bool) { return one(reply_to(q, 9)); }, true, "response code 9"},
    {"silence", [](const Octets&, bool) { return none; }, true, "no answer within"},
    {"no EDNS: silence", [](const Octets& q, bool) { return has_edns(q) ? none : one(reply_to(q, 0, 1)); },
     true, "no answer within"},
    {"no EDNS: format error", [](const Octets& q, bool) { return one(reply_to(q, has_edns(q) ? 1 : 0)); },
     true, "FORMERR"},
    {"no EDNS: refused", [](const Octets& q, bool) { return one(reply_to(q, has_edns(q) ? 5 : 0)); }, true,
     "REFUSED"},
    {"truncated, whole over TCP",
     [](const Octets& q, bool tcp) {
         return one(tcp ? reply_to(q, 0, 1) : changed(reply_to(q, 0), 2, 0x83));
     }},
    {"truncated, no TCP", [](const Octets& q, bool) { return one(changed(reply_to(q, 0), 2, 0x83)); }, false,
     "Connection refused"},
    {"truncated, nothing over TCP",
     [](const Octets& q, bool tcp) { return tcp ? none : one(changed(reply_to(q, 0), 2, 0x83)); }, true,
     "ended before the answer"},
    {"truncated, servfail over TCP",
     [](const Octets& q, bool tcp) { return one(tcp ? reply_to(q, 2) : changed(reply_to(q, 0), 2, 0x83)); },
     true, "SERVFAIL"},
    {"strays first",
     [](const Octets& q, bool) {
         const Octets good = reply_to(q, 0, 1);
         return std::vector<Octets>{changed(good, 0, static_cast<std::uint8_t>(good[0] + 1)),
                                    changed(good, good.size() - 19, 99), good};
     }},
    {"another question only",
     [](const Octets& q, bool) {
         const Octets good = reply_to(q, 0);
         return one(changed(good, good.size() - 3, 99));
     },
     true, "no answer within"},
    {"letters of another case", [](const Octets& q, bool) { return one(changed(reply_to(q, 0), 13, 'E')); }},
    {"too short", [](const Octets& q, bool) { return one(Octets(q.begin(), q.begin() + 5)); }, true,
     "a message of 5 octets"},
    {"a referral", [](const Octets& q, bool) { return one(changed(reply_to(q, 0), 3, 0)); }, true,
     "a referral"},
    {"the query itself", [](const Octets& q, bool) { return one(q); }, true, "no answer within", true},
};

TEST(LibcDns, AnswersAreThoseThatGlibcTakes) {
    const auto judge = [](const Way& way) -> std::string {
        const DnsLookup lookup{"example.org", LookupType::a, true};
        const NameServer server(way.script, way.tcp);
        const bool theirs = libc_answers(server.port(), lookup);
        const auto replies = ask_servers({{at(server.port()), false}}, {lookup}, 1s);
        const ServerReply& ours = replies.at(0).at(0);
        std::string words;
        if (ours.answered != (way.trouble == nullptr)) words += " we: " + ours.trouble;
        if (way.trouble != nullptr && ours.trouble.find(way.trouble) == std::string::npos)
            words += " trouble: " + ours.trouble;
        if (theirs != ours.answered && !(way.stricter && theirs))
            words += theirs ? " glibc takes it" : " glibc takes nothing";
        return words.empty() ? "" : way.name + (':' + words) + '\n';
    };
    std::vector<std::future<std::string>> all;
    for (const Way& way : ways) all.push_back(std::async(std::launch::async, judge, std::cref(way)));
    std::string wrong;
    for (auto& each : all) wrong += each.get();
    EXPECT_EQ(wrong, "");
}

TEST(LibcDns, TellsWhatAnAnswerHas) {
    const auto script = [](const Octets& q, bool) { return one(changed(reply_to(q, 0, 1), 3, 0xa0)); };
    const NameServer server(script, true);
    for (const bool tcp : {false, true}) {
        const auto replies =
            ask_servers({{at(server.port()), tcp}}, {{"example.org", LookupType::a, true}}, 5s);
        EXPECT_EQ(replies[0][0], (ServerReply{true, true, true, ""}));
    }
    EXPECT_EQ(server.queries().size(), 1U) << "use-vc asks over TCP alone";
}

TEST(LibcDns, AsksAllAtOnceAndAgain) {
    std::atomic<int> seen = 0;
    const auto second = [&seen](const Octets& q, bool) { return ++seen == 1 ? none : one(reply_to(q, 0)); };
    const NameServer lossy(second, true), silent([](const Octets&, bool) { return none; }, true);
    const auto began = std::chrono::steady_clock::now();
    const auto replies = ask_servers({{at(lossy.port()), false}, {at(silent.port()), false}},
                                     {{"", LookupType::mx, true}}, 3000ms);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 3s + test::late);
    EXPECT_TRUE(replies.at(0).at(0).answered) << "one datagram was lost";
    EXPECT_EQ(replies.at(1).at(0).trouble, "no answer within 3000 ms");
}

TEST(LibcDns, DoesNotReadStraysForEver) {
    const auto flood = [](const Octets& q, bool) {
        return std::vector<Octets>(120, changed(reply_to(q, 0), 1, static_cast<std::uint8_t>(q[1] + 1)));
    };
    const NameServer server(flood, true);
    const auto replies =
        ask_servers({{at(server.port()), false}}, {{"example.org", LookupType::a, true}}, 5s);
    EXPECT_NE(replies[0][0].trouble.find("nothing but messages"), std::string::npos) << replies[0][0].trouble;
}

} // namespace
