// tests/support/control_peer.hpp - a unix socket on which a test plays the daemon, octet by octet, in a thread.
#pragma once

#include "support/raw_peer.hpp"
#include "support/temp_folder.hpp"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>

namespace test {

/// Serves one connection after the other, each with the next function.
class ControlPeer {
public:
    /// One connection of the tool.
    class Talk {
    public:
        explicit Talk(int fd) : peer_(fd) {}
        /// Waits until `end` has come; what came up to and with it. Less at the end of the connection.
        std::string read_to(std::string_view end) {
            while (peer_.received.find(end) == std::string::npos)
                if (!wait(POLLIN) || !peer_.receive()) return std::exchange(peer_.received, "");
            const std::size_t size = peer_.received.find(end) + end.size();
            std::string front = peer_.received.substr(0, size);
            peer_.received.erase(0, size);
            return front;
        }
        std::string request() { return read_to("\r\n\r\n"); }
        /// Sends all of it; false when the tool is gone.
        bool send(std::string_view octets) {
            while (!octets.empty()) {
                if (!wait(POLLOUT)) return false;
                const std::size_t sent = peer_.send(octets);
                if (sent == 0) return false;
                octets.remove_prefix(sent);
            }
            return true;
        }
        bool reply(std::string_view body, std::string_view status = "200 OK") {
            return send("HTTP/1.1 " + std::string(status) +
                        "\r\nContent-Type: application/json\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
        }
        bool begin_lines() {
            return send(
                "HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nTransfer-Encoding: chunked\r\n\r\n");
        }
        bool chunk(std::string_view octets) {
            char size[20];
            std::snprintf(size, sizeof size, "%zx\r\n", octets.size());
            return send(size + std::string(octets) + "\r\n");
        }
        bool end_lines() { return send("0\r\n\r\n"); }
        /// Until the tool closes.
        void until_closed() {
            while (wait(POLLIN) && peer_.receive()) {
            }
        }

    private:
        [[nodiscard]] bool wait(short events) const {
            pollfd poll{peer_.fd(), events, 0};
            return ::poll(&poll, 1, 10'000) > 0;
        }
        RawPeer peer_;
    };
    using Play = std::function<void(Talk&)>;

    explicit ControlPeer(std::vector<Play> plays) : path((folder.path() / "control").string()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(fd_, 8) != 0)
            std::abort();
        thread_ = std::thread([this, all = std::move(plays)] {
            for (const Play& play : all) {
                pollfd poll{fd_, POLLIN, 0};
                const int one =
                    ::poll(&poll, 1, 10'000) > 0 ? ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC) : -1;
                if (one < 0) return;
                Talk talk(one);
                play(talk);
            }
        });
    }
    ~ControlPeer() {
        thread_.join();
        ::close(fd_);
    }
    ControlPeer(const ControlPeer&) = delete;
    ControlPeer& operator=(const ControlPeer&) = delete;

    TempFolder folder;
    const std::string path;

private:
    int fd_ = -1;
    std::thread thread_;
};

} // namespace test
