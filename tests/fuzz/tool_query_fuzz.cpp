// Whatever a "daemon" sends, `stsmap query` prints one printable line per question (with --json: valid JSON),
// and ends with one of its own exit statuses.
//
// The input: an octet for the form, an octet for the cuts, then what comes over the socket.
#include "fuzz.hpp"

#include "postfix/netstring.hpp"
#include "support/postfix_syntax.hpp"
#include "support/temp_folder.hpp"
#include "tool/client/query_command.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace {

/// Listens on a unix socket in its own folder; every client gets the input's
/// octets and then the end.
class Daemon {
public:
    Daemon() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fuzz::require(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                          ::listen(fd_, 64) == 0,
                      "a listening socket");
        std::thread([this] { serve(); }).detach(); // for as long as the process lives
    }
    void say(std::string_view octets, std::size_t piece) {
        const std::lock_guard lock{mutex_};
        octets_ = octets;
        piece_ = piece;
    }
    [[nodiscard]] std::string address() const { return "unix:" + path_; }

private:
    void serve() {
        for (;;) {
            const int client = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) continue;
            std::string octets;
            std::size_t piece = 1;
            {
                const std::lock_guard lock{mutex_};
                octets = octets_;
                piece = piece_;
            }
            for (std::size_t at = 0; at < octets.size(); at += piece)
                if (::send(client, octets.data() + at, std::min(piece, octets.size() - at), MSG_NOSIGNAL) < 0)
                    break;
            ::shutdown(client, SHUT_WR);
            char chunk[4096];
            while (::recv(client, chunk, sizeof chunk, 0) > 0) {
            }
            ::close(client);
        }
    }

    test::TempFolder folder_;
    const std::string path_ = folder_ / "s";
    int fd_ = -1;
    std::mutex mutex_;
    std::string octets_;
    std::size_t piece_ = 1;
};

Daemon& daemon() {
    static auto* const only = new Daemon; // its thread may use it until the process ends
    return *only;
}

void check_reply(std::string_view payload) {
    const tool::Reply reply = tool::parse_reply(payload);
    fuzz::require(payload.starts_with(reply.status), "the status stands first");
    fuzz::require(fuzz::is_printable(tool::shown(payload)), "shown printable");
    // If Postfix would accept the reply, the tool shows all of it.
    const auto read = test::read_reply(payload, test::Postfix::v3_10);
    if (!read || read->status != test::Reply::Status::ok) return;
    fuzz::require(reply.status == "OK" && reply.level == read->policy.level, "the level");
    fuzz::require(reply.match == read->policy.match, "the names to match");
    std::size_t patterns = 0;
    for (const auto& [name, value] : reply.attributes) patterns += name == "mx_host_pattern";
    fuzz::require(patterns == read->policy.mx_host_pattern.size(), "the attributes");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const unsigned form = input.octet();
    const std::size_t piece = 1 + input.octet() * 4;
    std::string wire{input.rest()};
    check_reply(wire);
    if ((form & 2) != 0) { // lines, each in a right frame
        std::string framed;
        for (fuzz::Script lines(wire); !lines.empty();) framed += postfix::frame(lines.until('\n'));
        wire = framed;
    }
    daemon().say(wire, piece);
    tool::QueryOptions options;
    options.addresses = {daemon().address()};
    options.json = (form & 1) != 0;
    options.domains = {"a.example", "[b.example]:25"};
    if ((form & 4) != 0) options.domains.pop_back();
    std::istringstream in;
    std::ostringstream out, err;
    const base::Exit status = tool::query(options, in, out, err);
    fuzz::require(status == base::Exit::done || status == base::Exit::trouble ||
                      status == base::Exit::unreachable,
                  "a status of its own");
    fuzz::require(err.str().empty() == (status != base::Exit::unreachable), "words for trouble alone");
    std::size_t lines = 0;
    const std::string printed = out.str();
    for (fuzz::Script rest(printed); !rest.empty(); ++lines) {
        const std::string_view line = rest.until('\n');
        fuzz::require(fuzz::is_printable(line), "printable");
        if (options.json) fuzz::require(nlohmann::json::accept(line), "JSON");
    }
    fuzz::require(status == base::Exit::unreachable ? lines < options.domains.size()
                                                    : lines == options.domains.size(),
                  "a line a question");
    for (fuzz::Script rest(err.view()); !rest.empty();)
        fuzz::require(fuzz::is_printable(rest.until('\n')), "printable words");
    return 0;
}
