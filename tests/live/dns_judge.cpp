// dns_judge - asks servers with glibc's resolver, with and without EDNS, and with ours; prints JSON lines.
//
// Standard input: one line per cell, "PORT NAME TYPE" with TYPE txt, a or mx. For each cell, 127.0.0.1:PORT
// is asked for g.NAME by glibc, for e.NAME by glibc with RES_USE_EDNS0, for o.NAME by our resolver, and for
// an MX also for d.NAME by our resolver as if the server validated. A try lasts a second for all of them.
// Output: {"cell": number, "who": "glibc", "edns0", "ours" or "dane", "outcome": "data ...", "nodata",
// "nxdomain" or "failed", "ms": time}. For tests/live/dns_forms.py.
#include "dns/stub_resolver.hpp"

#include "support/memory_log.hpp"
#include "support/real_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <thread>

namespace {

using Moment = std::chrono::steady_clock::time_point;
using Octets = std::vector<unsigned char>;

struct Cell {
    std::size_t number = 0;
    std::uint16_t port = 0;
    std::string name;
    dns::Type type{};
};

std::mutex output;

void tell(const Cell& cell, std::string_view who, const std::string& outcome, Moment since,
          const std::string& detail = {}) {
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since);
    nlohmann::json line{
        {"cell", cell.number}, {"who", who}, {"outcome", outcome}, {"ms", ms.count()}, {"detail", detail}};
    const std::lock_guard guard(output);
    std::cout << line.dump() << std::endl;
}

std::string shown(std::vector<std::string> records) {
    std::ranges::sort(records);
    std::string out = "data";
    for (const std::string& record : records) {
        out += ' ';
        for (const char c : record) {
            constexpr std::string_view digits = "0123456789abcdef";
            const auto octet = static_cast<unsigned char>(c);
            out += digits[octet >> 4];
            out += digits[octet & 15];
        }
    }
    return out;
}

/// An answer as Postfix and others walk it with the help of dn_expand(): the answer section alone.
class Walk {
public:
    Walk(const Octets& message, std::string name, dns::Type type)
        : begin_(message.data()), end_(begin_ + message.size()), name_(std::move(name)), type_(type) {}

    std::string outcome() {
        const unsigned char* at = begin_ + NS_HFIXEDSZ;
        for (unsigned left = ns_get16(begin_ + 4); left > 0; --left) {
            const int skipped = dn_skipname(at, end_);
            if (skipped < 0 || end_ - at < skipped + NS_QFIXEDSZ) return "failed";
            at += skipped + NS_QFIXEDSZ;
        }
        std::map<std::string, std::string> aliases;
        std::multimap<std::string, std::string> found;
        for (unsigned left = ns_get16(begin_ + 6); left > 0; --left) {
            std::string owner;
            if (!expand(at, owner) || end_ - at < NS_RRFIXEDSZ) return "failed";
            const unsigned type = ns_get16(at), klass = ns_get16(at + 2), size = ns_get16(at + 8);
            at += NS_RRFIXEDSZ;
            if (end_ - at < static_cast<int>(size)) return "failed";
            const unsigned char* rdata = at;
            at += size;
            if (klass != ns_c_in) continue;
            std::string value;
            if (type == ns_t_cname && expand(rdata, value)) aliases.emplace(owner, value);
            if (type == static_cast<unsigned>(type_) && read(rdata, size, value)) found.emplace(owner, value);
        }
        for (unsigned hops = 0; hops < 16 && !found.contains(name_) && aliases.contains(name_); ++hops)
            name_ = aliases[name_];
        std::vector<std::string> records;
        const auto [first, last] = found.equal_range(name_);
        for (auto it = first; it != last; ++it) records.push_back(it->second);
        return records.empty() ? "nodata" : shown(std::move(records));
    }

private:
    bool expand(const unsigned char*& at, std::string& text) const {
        char name[NS_MAXDNAME];
        const int size = dn_expand(begin_, end_, at, name, sizeof name);
        if (size < 0) return false;
        at += size;
        text = name;
        std::ranges::transform(text, text.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        return true;
    }
    bool read(const unsigned char* at, unsigned size, std::string& value) const {
        const unsigned char* stop = at + size;
        if (type_ == dns::Type::a) {
            value.assign(reinterpret_cast<const char*>(at), size);
            return size == 4;
        }
        if (type_ == dns::Type::mx) {
            std::string host;
            if (size < 3) return false;
            value.assign(reinterpret_cast<const char*>(at), 2);
            at += 2;
            if (!expand(at, host)) return false;
            value += host;
            return true;
        }
        if (size == 0) return false;
        while (at < stop) {
            const unsigned length = *at++;
            if (length > static_cast<std::size_t>(stop - at)) return false;
            value.append(reinterpret_cast<const char*>(at), length);
            at += length;
        }
        return true;
    }
    const unsigned char* begin_;
    const unsigned char* end_;
    std::string name_;
    dns::Type type_;
};

std::string ask_glibc(const Cell& cell, const std::string& name, bool edns) {
    struct __res_state state {};
    if (res_ninit(&state) != 0) return "failed";
    state.nscount = 1;
    state.nsaddr_list[0] = {};
    state.nsaddr_list[0].sin_family = AF_INET;
    state.nsaddr_list[0].sin_port = htons(cell.port);
    state.nsaddr_list[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    state.retrans = 1;
    state.retry = 2;
    state.options = RES_INIT | RES_RECURSE | (edns ? RES_USE_EDNS0 : 0);
    Octets answer(65536);
    const int size = res_nquery(&state, name.c_str(), ns_c_in, static_cast<int>(cell.type), answer.data(),
                                static_cast<int>(answer.size()));
    const int trouble = state.res_h_errno;
    res_nclose(&state);
    if (size < 0) return trouble == HOST_NOT_FOUND ? "nxdomain" : trouble == NO_DATA ? "nodata" : "failed";
    answer.resize(std::min(answer.size(), static_cast<std::size_t>(size)));
    if (answer.size() < NS_HFIXEDSZ) return "failed";
    return Walk(answer, name, cell.type).outcome();
}

std::string outcome(const dns::Result& result) {
    if (!result) return "failed";
    switch (result->kind) {
    case dns::Answer::Kind::data: return shown(result->records);
    case dns::Answer::Kind::nodata: return "nodata";
    case dns::Answer::Kind::nxdomain: break;
    }
    return "nxdomain";
}

} // namespace

int main() {
    using namespace std::chrono_literals;
    std::vector<Cell> cells;
    const std::map<std::string, dns::Type> types{
        {"txt", dns::Type::txt}, {"a", dns::Type::a}, {"mx", dns::Type::mx}};
    Cell cell;
    for (std::string type; std::cin >> cell.port >> cell.name >> type; ++cell.number) {
        cell.type = types.at(type);
        cells.push_back(cell);
    }
    std::vector<std::thread> threads;
    for (const Cell& each : cells)
        for (const bool edns : {false, true})
            threads.emplace_back([each, edns] {
                const Moment begun = std::chrono::steady_clock::now();
                const std::string name = (edns ? "e." : "g.") + each.name;
                tell(each, edns ? "edns0" : "glibc", ask_glibc(each, name, edns), begun);
            });

    test::RealClock clock;
    test::MemoryLog log;
    boost::asio::io_context context;
    std::vector<std::unique_ptr<dns::StubResolver>> resolvers; // one per question, so none learns
    const auto ask = [&](const Cell& each, dns::Purpose purpose, bool validates) {
        dns::Options options;
        options.servers = {net::parse_endpoint("127.0.0.1:" + std::to_string(each.port), 53).value()};
        options.try_for = 1s;
        options.question_for = 4s;
        resolvers.push_back(std::make_unique<dns::StubResolver>(context.get_executor(), options, clock, log));
        if (validates)
            for (const dns::ServerState& server : resolvers.back()->servers())
                resolvers.back()->judged(server.name, dns::Validates::yes, "so it is said");
        const Moment begun = std::chrono::steady_clock::now();
        const std::string name = (validates ? "d." : "o.") + each.name;
        boost::asio::co_spawn(context, resolvers.back()->resolve(name, each.type, purpose),
                              [each, begun, validates](std::exception_ptr, const dns::Result& result) {
                                  tell(each, validates ? "dane" : "ours", outcome(result), begun,
                                       result ? "" : result.error().detail);
                              });
    };
    for (const Cell& each : cells) {
        if (each.type == dns::Type::mx) ask(each, dns::Purpose::dane, true);
        ask(each, each.type == dns::Type::txt ? dns::Purpose::policy : dns::Purpose::address, false);
    }
    context.run();
    for (std::thread& thread : threads) thread.join();
    return EXIT_SUCCESS;
}
