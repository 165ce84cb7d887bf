#include "admin/http_request.hpp"

#include "admin/limits.hpp"
#include "base/text.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <utility>

namespace admin {

namespace {

namespace http = boost::beast::http;

auto refused(unsigned status, std::string code, std::string words, std::string field = {}) {
    return base::unexpected(Error{status, std::move(code), std::move(words), std::move(field)});
}

tl::unexpected<Error> version_refused() {
    return refused(505, "http-version", "only HTTP/1.1 is understood here");
}

Error error_of(const boost::system::error_code& code) {
    if (code == http::error::header_limit)
        return {431,
                "header-too-large",
                "the request's head is over " + std::to_string(max_head) + " octets",
                {}};
    if (code == http::error::bad_version) return version_refused().value();
    return {400, "bad-request", "this is no request of HTTP: " + code.message(), {}};
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// A body whose pieces are taken away as they come. Beast's own string_body makes room for all of the length that the
/// head says at once, which may be anything.
struct TakenBody {
    using value_type = std::string;

    class reader {
    public:
        template <bool is_request, class Fields>
        reader(http::header<is_request, Fields>&, value_type& to) : to_(to) {}
        template <class Length>
        void init(const Length&, boost::system::error_code& error) {
            error = {};
        }
        template <class Buffers>
        std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
            error = {};
            const std::size_t before = to_.size();
            for (auto at = boost::asio::buffer_sequence_begin(buffers);
                 at != boost::asio::buffer_sequence_end(buffers); ++at) {
                const boost::asio::const_buffer buffer = *at;
                to_.append(static_cast<const char*>(buffer.data()), buffer.size());
            }
            return to_.size() - before;
        }
        void finish(boost::system::error_code& error) { error = {}; }

    private:
        value_type& to_;
    };
};

} // namespace

/// Beast's parser serves one request, and is made again for the next.
struct RequestReader::Parser {
    http::request_parser<TakenBody> of;
    Parser() {
        of.header_limit(static_cast<std::uint32_t>(max_head));
        of.body_limit(boost::none); // bodies are taken in pieces
    }
};

RequestReader::RequestReader() : parser_(std::make_unique<Parser>()) {}
RequestReader::~RequestReader() = default;

std::size_t RequestReader::room() const noexcept { return max_input - input_.size(); }

void RequestReader::feed(std::string_view octets) { input_.append(octets.substr(0, room())); }

bool RequestReader::begun() const noexcept { return begun_ || !input_.empty(); }

bool RequestReader::complete() const { return parser_->of.is_done(); }

void RequestReader::next() {
    parser_ = std::make_unique<Parser>();
    begun_ = false;
    head_ = 0;
}

base::Expected<std::optional<Head>, Error> RequestReader::head() {
    auto& parser = parser_->of;
    while (!begun_ && input_.starts_with("\r\n")) input_.erase(0, 2); // RFC 9112 section 2.2
    if (input_.empty() || (!begun_ && input_ == "\r")) return std::optional<Head>();
    begun_ = true;
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(input_), error);
    input_.erase(0, used);
    head_ += used;
    // Beast counts the first line and the fields apart.
    if (head_ > max_head || (error == http::error::need_more && head_ + input_.size() > max_head))
        error = http::error::header_limit;
    if (error == http::error::need_more) return std::optional<Head>();
    if (error) return base::unexpected(error_of(error));
    if (!parser.is_header_done()) return std::optional<Head>();

    const auto& message = parser.get();
    if (message.version() != 11) return version_refused();
    Head head;
    head.method = view(message.method_string());
    head.target = view(message.target());
    head.close = !parser.keep_alive();
    head.hosts = message.count(http::field::host);
    if (head.hosts > 0) head.host = view(message[http::field::host]);
    if (const auto coding = message.find(http::field::transfer_encoding);
        coding != message.end() && (!parser.chunked() || !base::iequals(view(coding->value()), "chunked")))
        return refused(400, "bad-request", "the only transfer coding understood here is chunked");
    if (const auto expected = message.find(http::field::expect); expected != message.end()) {
        if (!base::iequals(view(expected->value()), "100-continue"))
            return refused(417, "bad-request", "of Expect only 100-continue is understood here");
        head.expects_continue = true;
    }
    if (parser.content_length()) head.length = *parser.content_length();
    head.has_body = parser.chunked() || head.length.value_or(0) > 0;
    return std::optional<Head>(std::move(head));
}

base::Expected<std::string, Error> RequestReader::body() {
    auto& parser = parser_->of;
    std::size_t used = 0;
    bool more = false;
    while (!parser.is_done() && used < input_.size() && !more) {
        boost::system::error_code error;
        const auto rest = boost::asio::buffer(input_) + used;
        used += parser.put(rest, error);
        more = error == http::error::need_more;
        if (error && !more) return base::unexpected(error_of(error));
    }
    input_.erase(0, used);
    if (more && room() == 0)
        return refused(400, "bad-request", "the line between two chunks, or the trailer, is too long");
    return std::exchange(parser.get().body(), {});
}

} // namespace admin
