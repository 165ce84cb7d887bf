#include "fetch/tls_stream.hpp"

#include "base/event.hpp"
#include "fetch/wire.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <utility>

namespace fetch {

namespace asio = boost::asio;

/// OpenSSL's side: used by the loop, or by the handshake thread while `in_thread`, never by both.
struct TlsStream::Session {
    Session(asio::ssl::context& context, const asio::any_io_executor& executor)
        : shaken(executor), tls(SSL_new(context.native_handle())) {
        BIO* const bio = wire.make_bio();
        if (!tls || bio == nullptr) {
            BIO_free(bio);
            throw std::bad_alloc();
        }
        SSL_set_bio(tls.get(), bio, bio);
        // Up to a thousand connections may wait: not with OpenSSL's buffers of 16 KiB each.
        SSL_set_mode(tls.get(), SSL_MODE_RELEASE_BUFFERS);
        SSL_set_msg_callback(tls.get(), count);
        SSL_set_msg_callback_arg(tls.get(), this);
    }

    /// Counts messages that make work and were not asked for.
    static void count(int written, int, int type, const void* octets, std::size_t size, SSL*, void* self) {
        if (written != 0 || type != SSL3_RT_HANDSHAKE || size == 0) return;
        Session& session = *static_cast<Session*>(self);
        const int message = *static_cast<const unsigned char*>(octets);
        if (message != SSL3_MT_HELLO_REQUEST && message != SSL3_MT_NEWSESSION_TICKET &&
            message != SSL3_MT_KEY_UPDATE)
            return;
        if (++session.unasked > max_unasked_messages) session.wire.refuse(Wire::Limit::messages);
    }

    template <class Operation>
    error_code call(Operation operation) {
        wire.resume();
        ERR_clear_error();
        return outcome(operation());
    }
    error_code shake() {
        return call([this] { return SSL_connect(tls.get()); });
    }

    /// would_block: it needs the peer, or its next turn; in_progress: the certificate must be judged in the
    /// thread.
    error_code outcome(int returned) {
        const int what = SSL_get_error(tls.get(), returned);
        if (what == SSL_ERROR_NONE) return {};
        if (wire.met() != Wire::Limit::none) return asio::error::no_buffer_space;
        if (what == SSL_ERROR_WANT_READ) return asio::error::would_block;
        if (what == SSL_ERROR_WANT_RETRY_VERIFY) return asio::error::in_progress;
        if (what == SSL_ERROR_ZERO_RETURN) return asio::error::eof;
        const unsigned long why = ERR_peek_error();
        if (what == SSL_ERROR_SYSCALL ||
            (ERR_GET_LIB(why) == ERR_LIB_SSL && ERR_GET_REASON(why) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
            return asio::ssl::error::stream_truncated;
        if (why == 0) return asio::ssl::error::unexpected_result;
        return {static_cast<int>(why), asio::error::get_ssl_category()};
    }

    struct Free {
        void operator()(SSL* p) const noexcept { SSL_free(p); }
    };

    Wire wire;
    int unasked = 0;
    bool in_thread = false; // written by the loop alone
    error_code result;      // of the thread's work
    base::Event shaken;
    std::unique_ptr<SSL, Free> tls; // last: its BIO is the wire's
};

TlsStream::TlsStream(Socket socket, asio::ssl::context& context, Shared shared)
    : socket_(std::move(socket)), shared_(std::move(shared)), turn_(shared_.turns),
      session_(std::make_shared<Session>(context, socket_.get_executor())) {
    session_->wire.room = room();
}

TlsStream::TlsStream(Socket socket, asio::ssl::context& context)
    : TlsStream(std::move(socket), context, [&] {
          Shared own;
          own.turns = std::make_shared<Turns>(socket.get_executor());
          return own;
      }()) {}

std::function<bool()> TlsStream::room() {
    return [this] {
        try {
            return turn_.room();
        } catch (const std::bad_alloc&) {
            return true; // without memory no turn ends; the limit on octets still holds
        }
    };
}

SSL* TlsStream::native_handle() noexcept { return session_->tls.get(); }
bool TlsStream::busy() const noexcept { return session_->in_thread; }

std::string TlsStream::refusal() const {
    switch (session_->wire.met()) {
    case Wire::Limit::none: break;
    case Wire::Limit::octets: return "over " + std::to_string(max_fetch_octets) + " octets from the peer";
    case Wire::Limit::messages:
        return "over " + std::to_string(max_unasked_messages) +
               " HelloRequest, KeyUpdate and NewSessionTicket messages";
    case Wire::Limit::output:
        return "the peer wants more than " + std::to_string(Wire::out_size) + " octets of us at once";
    }
    return {};
}

void TlsStream::close() noexcept {
    error_code ignored;
    socket_.close(ignored);
    turn_.cancel();
    session_->shaken.notify();
}

/// False when the fetch has received all that it may.
bool TlsStream::take(std::size_t octets) {
    if (octets > 0) {
        last_octet_ = std::chrono::steady_clock::now();
        if (shared_.progress) shared_.progress();
    }
    taken_ += octets;
    turn_.took(octets);
    std::size_t& left = *shared_.octets_left;
    left -= std::min(left, octets);
    if (left > 0) return true;
    session_->wire.refuse(Wire::Limit::octets);
    return false;
}

/// Sends the gathered octets. Nearly always the socket accepts them at once.
asio::awaitable<TlsStream::error_code> TlsStream::send() {
    const std::string_view octets = session_->wire.to_send();
    if (octets.empty()) co_return error_code{};
    error_code error;
    const std::size_t sent = socket_.write_some(asio::buffer(octets), error);
    if (sent < octets.size() && (!error || error == asio::error::would_block)) {
        const auto rest = asio::buffer(octets.substr(sent));
        co_await asio::async_write(socket_, rest, asio::as_tuple(asio::use_awaitable));
    }
    session_->wire.sent();
    co_return socket_.is_open() ? error_code{} : asio::error::operation_aborted;
}

/// Requires that OpenSSL has taken all input. No new octets is not an error.
TlsStream::error_code TlsStream::receive() {
    error_code error;
    const std::span<char> space = session_->wire.space();
    const std::size_t octets = socket_.read_some(asio::buffer(space.data(), space.size()), error);
    if (error == asio::error::would_block) return {};
    if (error == asio::error::eof) {
        session_->wire.ended();
        return {};
    }
    if (error) return error;
    session_->wire.arrived(octets);
    return take(octets) ? error_code{} : asio::error::no_buffer_space;
}

/// Waits until the peer sent something, and then for the turn to read it.
asio::awaitable<TlsStream::error_code> TlsStream::readable() {
    turn_.pass_on();
    auto [error] = co_await socket_.async_wait(Socket::wait_read, asio::as_tuple(asio::use_awaitable));
    // After closing, the descriptor's number may belong to another connection: it must not be read any more.
    if (!socket_.is_open()) co_return asio::error::operation_aborted;
    if (error) co_return error;
    co_await turn_.wait();
    co_return socket_.is_open() ? error_code{} : asio::error::operation_aborted;
}

/// After would_block: sends the gathered octets and waits for more input, or for the next turn.
asio::awaitable<TlsStream::error_code> TlsStream::go_on() {
    error_code error;
    if (session_->wire.pending() == 0) {
        error = co_await send();
        if (error) co_return error;
        error = co_await readable();
        if (error) co_return error;
        co_return receive();
    }
    co_await turn_.wait();
    co_return socket_.is_open() ? error_code{} : asio::error::operation_aborted;
}

/// One call of OpenSSL, elsewhere. The stream and its coroutine may end before it does.
asio::awaitable<TlsStream::error_code> TlsStream::shake_in_thread() {
    const std::shared_ptr<Session> session = session_;
    session->in_thread = true;
    session->wire.room = nullptr;
    const auto executor = socket_.get_executor();
    const bool begun = shared_.thread->run([shaking = session, executor]() mutable {
        shaking->result = shaking->shake();
        try {
            asio::post(executor, [done = std::move(shaking)] {
                done->in_thread = false;
                done->shaken.notify();
            });
        } catch (const std::bad_alloc&) { // then its deadline ends it
        }
    });
    if (!begun) co_return asio::error::operation_aborted;
    turn_.pass_on();
    while (session->in_thread && socket_.is_open()) {
        co_await session->shaken.wait();
    }
    if (session->in_thread || !socket_.is_open()) co_return asio::error::operation_aborted;
    // The wait was ours, not the peer's.
    last_octet_ = std::chrono::steady_clock::now();
    if (shared_.progress) shared_.progress();
    co_return session->result;
}

asio::awaitable<TlsStream::error_code> TlsStream::handshake() {
    error_code error;
    // Asio's own flag, too, not only the descriptor's: else Asio would wait in write_some() below, and block
    // all fetches.
    socket_.non_blocking(true, error);
    if (error) co_return error;
    bool in_thread = false;
    for (;;) {
        in_thread = in_thread || taken_ > max_handshake_on_loop;
        if (in_thread && shared_.thread) {
            error = co_await shake_in_thread();
        } else {
            error = session_->shake();
        }
        if (error == asio::error::in_progress) {
            in_thread = true;
            continue;
        }
        if (error != asio::error::would_block) break;
        error = co_await go_on();
        if (error) break;
    }
    if (session_->in_thread) co_return error;
    session_->wire.room = room();
    if (error && socket_.is_open()) {
        error_code ignored;
        socket_.write_some(asio::buffer(session_->wire.to_send()), ignored);
    }
    co_return error;
}

TlsStream::error_code TlsStream::write(std::string_view octets) {
    std::size_t taken = 0;
    return session_->call(
        [&] { return SSL_write_ex(session_->tls.get(), octets.data(), octets.size(), &taken); });
}

asio::awaitable<TlsStream::Read> TlsStream::read_some(std::span<char> to) {
    Read read;
    read.error = co_await send();
    // What the last octets were good for has its end here: they may have been of one octet a record.
    if (!read.error && !turn_.room()) {
        co_await turn_.wait();
        if (!socket_.is_open()) read.error = asio::error::operation_aborted;
    }
    while (!read.error) {
        int result = 0;
        read.error = session_->call([&] {
            result = SSL_read_ex(session_->tls.get(), to.data(), to.size(), &read.octets);
            return result;
        });
        if (read.error != asio::error::would_block) break;
        read.error = co_await go_on();
    }
    co_return read;
}

asio::awaitable<TlsStream::Read> TlsStream::read_before(std::span<char> to) {
    Read read;
    socket_.non_blocking(true, read.error);
    while (!read.error) {
        read.error = co_await readable();
        if (read.error) break;
        read.octets = socket_.read_some(asio::buffer(to.data(), to.size()), read.error);
        if (read.error != asio::error::would_block) break;
        read.error = {};
    }
    if (!take(read.octets) && !read.error) read.error = asio::error::no_buffer_space;
    co_return read;
}

} // namespace fetch
