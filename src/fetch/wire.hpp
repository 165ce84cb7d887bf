// fetch/wire.hpp - the octets between a socket and OpenSSL: a fixed buffer each way, and a BIO over both.
//
// OpenSSL loops on its input as long as there is some, so it gets pieces: after each, the owner of the wire
// may make it pause or fail. Does no I/O; not thread-safe. Must outlive the SSL that has its BIO.
#pragma once

#include <openssl/bio.h>

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

namespace fetch {

class Wire {
public:
    static constexpr std::size_t in_size = 8192;
    /// Requests, alerts and two ClientHellos are far smaller; a peer that makes OpenSSL write more than this
    /// without a pause is refused.
    static constexpr std::size_t out_size = 4096;
    static constexpr std::size_t piece = 1024;

    Wire() = default;
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    /// A new BIO over this wire, owned by the caller; null when OpenSSL has no memory.
    [[nodiscard]] BIO* make_bio();

    /// Called before each piece except the first one after resume(); null: never pauses. If it returns false,
    /// OpenSSL gets no more input for now, and paused() is true. Must not throw: OpenSSL is C.
    std::function<bool()> room;
    void resume() noexcept {
        paused_ = false;
        given_ = 0;
    }
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    /// The limit that was reached.
    enum class Limit { none, octets, messages, output };
    /// OpenSSL's next read fails. The first limit stays.
    void refuse(Limit met) noexcept {
        if (met_ == Limit::none) met_ = met;
    }
    [[nodiscard]] Limit met() const noexcept { return met_; }

    // The socket's side. When OpenSSL has taken all input: the free space for the next input.
    [[nodiscard]] std::span<char> space() noexcept { return in_; }
    /// Requires that OpenSSL has taken all input.
    void arrived(std::size_t octets) noexcept {
        at_ = 0;
        end_ = octets;
    }
    void ended() noexcept { ended_ = true; }
    [[nodiscard]] std::size_t pending() const noexcept { return end_ - at_; }
    [[nodiscard]] std::string_view to_send() const noexcept { return {out_.data(), out_used_}; }
    void sent() noexcept { out_used_ = 0; }

private:
    struct Methods;
    [[nodiscard]] int read(BIO* bio, char* to, int size);
    [[nodiscard]] int write(BIO* bio, const char* from, int size);

    std::array<char, in_size> in_;
    std::array<char, out_size> out_;
    std::size_t at_ = 0, end_ = 0, out_used_ = 0;
    std::size_t given_ = 0; // octets since the last call of the room function
    bool paused_ = false, ended_ = false;
    Limit met_ = Limit::none;
};

} // namespace fetch
