#include "tool/client/control_client.hpp"

#include "base/text.hpp"
#include "tool/show/safe_text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <grp.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace tool {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Kind = ControlError::Kind;
using Clock = std::chrono::steady_clock;

constexpr std::size_t piece_size = 65536;

/// The group that may connect. A socket that cannot be seen is taken for the package's.
std::string group_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return "adm";
    std::array<char, 4096> text{};
    group entry{};
    group* found = nullptr;
    if (::getgrgid_r(status.st_gid, &entry, text.data(), text.size(), &found) == 0 && found != nullptr)
        return base::printable(entry.gr_name, 40);
    return std::to_string(status.st_gid);
}

std::string words_of(std::chrono::milliseconds time) {
    return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + " s"
                                    : std::to_string(time.count()) + " ms";
}

} // namespace

/// A connected socket with its loop. Handlers are called only by run(), and none is left when it returns false.
struct ControlClient::Connection {
    asio::io_context loop{1};
    asio::local::stream_protocol::socket socket{loop};
    beast::flat_buffer received{2 * piece_size};
    bool used = false; ///< has carried a reply

    /// Until `done`; false when the time was over or somebody stopped it: then the socket is closed.
    bool run(const bool& done, std::optional<Clock::time_point> end, const std::stop_token& stop) {
        const std::stop_callback wake(stop, [this] { asio::post(loop, [] {}); });
        while (!done && !stop.stop_requested()) {
            loop.restart();
            if (!end)
                loop.run_one();
            else if (loop.run_one_until(*end) == 0)
                break;
        }
        if (done) return true;
        close();
        return false;
    }
    void close() {
        error_code ignored;
        socket.close(ignored);
        loop.restart();
        loop.run();
    }
};

/// The head of a reply, and the reader of its body.
struct ControlClient::Head {
    std::optional<http::response_parser<http::buffer_body>> parser;
    bool try_again = false; ///< nothing came, on a connection that the daemon had closed
    bool keep = false;      ///< the connection can be used again once the body is read
    std::array<char, piece_size> piece{};

    /// Up to a piece of the body; "" at its end.
    base::Expected<std::string_view, ControlError> read(ControlClient& client,
                                                        std::optional<Clock::time_point> end) {
        if (parser->is_done()) return std::string_view{};
        Connection& connection = *client.connection_;
        auto& body = parser->get().body();
        body.data = piece.data();
        body.size = piece.size();
        error_code failed;
        bool done = false;
        http::async_read_some(connection.socket, connection.received, *parser,
                              [&](const error_code& error, std::size_t) {
                                  failed = error;
                                  done = true;
                              });
        if (!connection.run(done, end, client.options_.stop)) {
            if (client.options_.stop.stop_requested())
                return base::unexpected(client.error(Kind::stopped, "stopped"));
            return base::unexpected(
                client.error(Kind::timeout, "the daemon stopped in the middle of its reply"));
        }
        if (failed && failed != http::error::need_buffer)
            return base::unexpected(
                client.error(Kind::broken, failed == http::error::partial_message ||
                                                   failed == asio::error::connection_reset ||
                                                   failed == http::error::end_of_stream
                                               ? "the reply ended too early: not all of it came"
                                               : "not a reply of stsmapd: " + failed.message()));
        return std::string_view(piece.data(), piece.size() - body.size);
    }
};

namespace {

/// Sends a request; one that has pieces in chunks.
class Sender {
public:
    using Socket = asio::local::stream_protocol::socket;

    Sender(Socket& socket, const ControlRequest& request, std::string target, std::function<void()> progress)
        : socket_(socket), pieces_(request.pieces), progress_(std::move(progress)) {
        head_.method_string(request.method);
        head_.target(target);
        head_.version(11);
        head_.set(http::field::host, "stsmapd");
        head_.set(http::field::user_agent, "stsmap");
        if (pieces_) {
            head_.set(http::field::content_type, "application/jsonl");
            head_.chunked(true);
        } else {
            if (!request.body.empty()) head_.set(http::field::content_type, "application/json");
            head_.body() = request.body;
            head_.prepare_payload();
        }
    }
    void start() {
        if (!pieces_) {
            http::async_write(socket_, head_, [this](const error_code& error, std::size_t) { end(error); });
            return;
        }
        serializer_.split(true);
        http::async_write_header(socket_, serializer_,
                                 [this](const error_code& error, std::size_t) { next(error); });
    }
    [[nodiscard]] bool done() const noexcept { return done_; }
    /// No more is sent. Was all of it? No handler is left.
    bool finish(asio::io_context& loop) {
        stopped_ = true;
        loop.restart();
        loop.poll();
        if (!done_) {
            error_code ignored;
            socket_.cancel(ignored);
            loop.restart();
            loop.run();
            failed_ = true;
        }
        return !failed_;
    }

private:
    void next(const error_code& error) {
        progress_();
        if (error || stopped_) return end(error ? error : asio::error::operation_aborted);
        std::optional<std::string> piece = pieces_();
        while (piece && piece->empty()) piece = pieces_();
        if (!piece) {
            asio::async_write(socket_, http::make_chunk_last(),
                              [this](const error_code& last, std::size_t) { end(last); });
            return;
        }
        piece_ = *std::move(piece);
        asio::async_write(socket_, http::make_chunk(asio::buffer(piece_)),
                          [this](const error_code& wrote, std::size_t) { next(wrote); });
    }
    void end(const error_code& error) {
        done_ = true;
        failed_ = static_cast<bool>(error);
        progress_();
    }

    Socket& socket_;
    const std::function<std::optional<std::string>()>& pieces_;
    std::function<void()> progress_;
    http::request<http::string_body> head_;
    http::request_serializer<http::string_body> serializer_{head_};
    std::string piece_;
    bool done_ = false, failed_ = false, stopped_ = false;
};

} // namespace

ControlClient::ControlClient(ControlOptions options) : options_(std::move(options)) {}
ControlClient::ControlClient(ControlClient&&) noexcept = default;
ControlClient& ControlClient::operator=(ControlClient&&) noexcept = default;
ControlClient::~ControlClient() = default;

ControlError ControlClient::error(Kind kind, std::string_view words) const {
    ControlError all;
    all.kind = kind;
    all.words = base::printable(options_.path, 200) + ": " + std::string(words);
    return all;
}

std::optional<ControlError> ControlClient::connect() {
    if (options_.path.empty() || options_.path.size() >= sizeof(sockaddr_un::sun_path) ||
        options_.path.find('\0') != std::string::npos)
        return error(Kind::bad_path, "the path is empty or longer than 107 octets");
    connection_ = std::make_unique<Connection>();
    const auto end = Clock::now() + options_.connect_limit;
    const std::string shown = base::printable(options_.path, 200);
    for (;;) { // EAGAIN: the queue of the listener is full; nothing tells when there is room
        bool done = false;
        error_code failed;
        connection_->socket.async_connect(options_.path, [&](const error_code& connected) {
            failed = connected;
            done = true;
        });
        const bool in_time = connection_->run(done, end, options_.stop);
        if (in_time && !failed) return std::nullopt;
        if (options_.stop.stop_requested()) return error(Kind::stopped, "stopped");
        ControlError why;
        if (!in_time || (failed == asio::error::try_again && Clock::now() >= end)) {
            why = error(Kind::timeout, "the daemon accepts no connection");
        } else if (failed == asio::error::try_again) {
            connection_->close();
            bool never = false;
            (void)connection_->run(never, std::min(end, Clock::now() + std::chrono::milliseconds(20)),
                                   options_.stop);
            continue;
        } else if (failed == asio::error::access_denied || failed.value() == EPERM) {
            why.kind = Kind::no_permission;
            why.words =
                "no permission to connect to " + shown + ": group " + group_of(options_.path) + " or root";
        } else if (failed.value() == ENOENT || failed.value() == ENOTDIR ||
                   failed == asio::error::connection_refused) {
            why.kind = Kind::no_daemon;
            why.words =
                "no daemon at " + shown +
                (failed == asio::error::connection_refused ? ": nobody listens there" : ": no such socket");
        } else {
            why = error(Kind::no_daemon, failed.message());
        }
        connection_.reset();
        return why;
    }
}

std::optional<ControlError> ControlClient::exchange(const ControlRequest& request, Head& head) {
    Connection& connection = *connection_;
    const bool used = std::exchange(connection.used, true);
    head.parser.emplace();
    head.parser->body_limit(boost::none);
    std::string target = request.target;
    if (request.method != "GET") target = with_query(std::move(target), {{"by", options_.by}});

    // The head of the reply is awaited while the body goes out: a daemon may refuse in the middle of it.
    bool progress = false, got_head = false;
    error_code failed;
    http::async_read_header(connection.socket, connection.received, *head.parser,
                            [&](const error_code& error, std::size_t) {
                                failed = error;
                                progress = got_head = true;
                            });
    Sender sender(connection.socket, request, target, [&progress] { progress = true; });
    sender.start();
    while (!got_head) {
        progress = false;
        const auto limit = sender.done() ? options_.reply_limit : options_.idle_limit;
        if (connection.run(progress, Clock::now() + limit, options_.stop)) continue;
        if (options_.stop.stop_requested()) return error(Kind::stopped, "stopped");
        return error(Kind::timeout, sender.done() ? "no reply within " + words_of(limit)
                                                  : std::string("the daemon stopped reading the request"));
    }
    const bool sent_all = sender.finish(connection.loop);
    if (!failed) {
        head.keep = sent_all && head.parser->keep_alive();
        return std::nullopt;
    }
    const bool closed = failed == http::error::end_of_stream || failed == asio::error::connection_reset ||
                        failed == asio::error::broken_pipe;
    head.try_again = used && closed && !request.pieces;
    if (closed) return error(Kind::broken, "the daemon closed the connection without a reply");
    return error(Kind::broken, "not a reply of stsmapd: " + failed.message());
}

std::optional<ControlError> ControlClient::begin(const ControlRequest& request, Head& head) {
    for (;;) {
        if (options_.stop.stop_requested()) return error(Kind::stopped, "stopped");
        if (!connection_)
            if (auto failed = connect()) return failed;
        head.try_again = false;
        auto failed = exchange(request, head);
        if (!failed) return std::nullopt;
        connection_.reset();
        if (!head.try_again) return failed;
    }
}

base::Expected<std::string, ControlError> ControlClient::whole(Head& head) {
    const auto end = Clock::now() + options_.reply_limit;
    std::string text;
    for (;;) {
        const auto piece = head.read(*this, end);
        if (!piece) {
            connection_.reset();
            return base::unexpected(piece.error());
        }
        if (piece->empty() && head.parser->is_done()) break;
        text.append(*piece);
        if (text.size() > max_reply) {
            connection_.reset();
            return base::unexpected(error(Kind::broken, "the reply is longer than 64 MiB"));
        }
    }
    if (!head.keep) connection_.reset();
    return text;
}

base::Expected<Json, ControlError> ControlClient::judge(unsigned status, std::string_view text) const {
    auto object = parse_object(text);
    if (!object)
        return base::unexpected(error(Kind::broken, "not a reply of stsmapd: status " +
                                                        std::to_string(status) + " with " + object.error()));
    if (status >= 200 && status < 300) return *std::move(object);
    const Json& why = member_of(*object, "error");
    ControlError refused;
    refused.kind = Kind::refused;
    refused.status = status;
    refused.words = safe_text(text_of(why, "words"), 2000);
    if (refused.words.empty()) refused.words = "refused with status " + std::to_string(status);
    refused.code = base::printable(text_of(why, "code"), 40);
    refused.field = base::printable(text_of(why, "field"), 40);
    refused.retry_after_s = number_of(*object, "retry_after_s");
    if (!refused.retry_after_s) refused.retry_after_s = number_of(why, "retry_after_s");
    return base::unexpected(std::move(refused));
}

base::Expected<Json, ControlError> ControlClient::ask(const ControlRequest& request) {
    Head head;
    if (auto failed = begin(request, head)) return base::unexpected(*std::move(failed));
    const auto text = whole(head);
    if (!text) return base::unexpected(text.error());
    return judge(head.parser->get().result_int(), *text);
}

base::Expected<ControlClient::Document, ControlError> ControlClient::document(const std::string& target) {
    Head head;
    if (auto failed = begin({.target = target}, head)) return base::unexpected(*std::move(failed));
    auto text = whole(head);
    if (!text) return base::unexpected(text.error());
    const auto& message = head.parser->get();
    const unsigned status = message.result_int();
    if (message[http::field::content_type] == "application/json") {
        auto refused = judge(status, *text);
        if (!refused) return base::unexpected(std::move(refused.error()));
        return base::unexpected(error(Kind::broken, "not a reply of stsmapd: a JSON object"));
    }
    const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f; };
    if (!base::valid_utf8(*text) || std::ranges::any_of(*text, is_control))
        return base::unexpected(error(Kind::broken, "not a reply of stsmapd: it is no text"));
    return Document{status, *std::move(text)};
}

std::optional<ControlError> ControlClient::lines(const ControlRequest& request,
                                                 const std::function<bool(const Json&)>& on_line,
                                                 bool endless) {
    Head head;
    if (auto failed = begin(request, head)) return failed;
    const unsigned status = head.parser->get().result_int();
    if (status < 200 || status >= 300) {
        const auto text = whole(head);
        return text ? judge(status, *text).error() : text.error();
    }
    const auto broken = [this](std::string_view words) {
        connection_.reset();
        return error(Kind::broken, words);
    };
    // Without a length or chunks, the end of a stream cannot be told from its breaking off.
    if (!head.parser->chunked() && !head.parser->content_length() && !head.parser->is_done())
        return broken("the reply does not say where it ends");
    for (LineCutter cutter;;) {
        const auto end = endless ? std::nullopt : std::optional(Clock::now() + options_.idle_limit);
        const auto piece = head.read(*this, end);
        if (!piece) {
            connection_.reset();
            return piece.error();
        }
        cutter.feed(*piece);
        while (const auto line = cutter.next()) {
            const auto object = parse_object(*line);
            if (!object) return broken("not a reply of stsmapd: a line with " + object.error());
            if (on_line(*object)) continue;
            connection_.reset();
            return std::nullopt;
        }
        if (cutter.too_long()) return broken("not a reply of stsmapd: a line longer than 1 MiB");
        if (!piece->empty() || !head.parser->is_done()) continue;
        if (cutter.inside_line()) return broken("the reply ended too early: its last line is not whole");
        if (!head.keep) connection_.reset();
        return std::nullopt;
    }
}

} // namespace tool
