// The only file that includes Beast's HTTP: its parser is fed by put(), never by a stream.
#include "fetch/http_reader.hpp"

#include "sts/response.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <vector>

namespace fetch {

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

using Parser = http::response_parser<http::string_body>;
using base::Reason;

constexpr std::size_t shown = 100; // octets of a peer's text in a detail

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

Failure failure(Reason reason, std::string detail) {
    Failure f;
    f.reason = reason;
    f.detail = std::move(detail);
    return f;
}

/// Collects one head and parses it whole: so its limit is exact (Beast's own counts anew with every put())
/// and what cannot become a head is refused at its first wrong octet, not when the peer gets round to an
/// empty line.
class Head {
public:
    /// Takes octets from the front of `octets`; true when the head is complete.
    base::Expected<bool, Failure> feed(std::string_view& octets) {
        static constexpr std::string_view start = "HTTP/1.";
        while (!octets.empty()) {
            const char octet = octets.front();
            octets.remove_prefix(1);
            const char before = text_.empty() ? '\0' : text_.back();
            text_.push_back(octet);
            if (text_.size() <= start.size() && octet != start[text_.size() - 1])
                return base::unexpected(failure(Reason::http_malformed, "not an HTTP/1 response"));
            if (octet == '\n' && before != '\r')
                return base::unexpected(
                    failure(Reason::http_malformed, "a line of the head ends without CR"));
            if (text_.ends_with("\r\n\r\n")) return true;
            if (text_.size() >= max_head)
                return base::unexpected(
                    failure(Reason::http_too_large, "head over " + std::to_string(max_head) + " octets"));
        }
        return false;
    }

    /// Requires a complete head. Leaves the parser at the body; this one is empty again.
    base::Expected<std::unique_ptr<Parser>, Failure> parse() {
        // "HTTP/1.1 200" CRLF: RFC 9112 section 4 wants a space after the status even without a reason
        // phrase, but servers are known to leave it out.
        static constexpr std::size_t bare_status = 12;
        if (text_.find("\r\n") == bare_status) text_.insert(bare_status, 1, ' ');
        auto parser = std::make_unique<Parser>();
        parser->header_limit(static_cast<std::uint32_t>(2 * max_head));
        parser->body_limit(boost::none); // we count: the head is to be judged before its announced length
        boost::system::error_code ec;
        const std::size_t used = parser->put(boost::asio::buffer(text_), ec);
        if (ec) return base::unexpected(failure(Reason::http_malformed, "head: " + ec.message()));
        if (used != text_.size() || !parser->is_header_done())
            return base::unexpected(failure(Reason::http_malformed, "head: unexpected end"));
        text_.clear();
        return parser;
    }

    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

private:
    std::string text_;
};

/// Reads heads until a final one; counts the interim ones (RFC 9110 section 15.2).
class FinalHead {
public:
    /// A parser at the body once the final head is complete, null when more octets are needed.
    base::Expected<std::unique_ptr<Parser>, Failure> feed(std::string_view& octets) {
        while (!octets.empty()) {
            auto complete = head_.feed(octets);
            if (!complete) return base::unexpected(std::move(complete.error()));
            if (!*complete) break;
            auto parser = head_.parse();
            if (!parser) return parser;
            const unsigned status = (*parser)->get().result_int();
            // 101 answers an Upgrade that was never asked for: no interim response, the connection is lost to
            // HTTP.
            if (status < 100 || status > 199 || status == 101) return parser;
            if (++interim_ > max_interim)
                return base::unexpected(failure(Reason::http_malformed, "too many interim responses"));
        }
        return std::unique_ptr<Parser>{};
    }

    [[nodiscard]] bool untouched() const noexcept { return head_.empty() && interim_ == 0; }

private:
    Head head_;
    std::size_t interim_ = 0;
};

std::vector<std::string_view> all(const Parser& parser, http::field name) {
    std::vector<std::string_view> values;
    const auto range = parser.get().equal_range(name);
    for (auto it = range.first; it != range.second; ++it) values.push_back(view(it->value()));
    return values;
}

std::string first(const std::vector<std::string_view>& values, std::string none) {
    if (values.empty()) return none;
    std::string text;
    for (std::string_view value : values) {
        if (!text.empty()) text += ", ";
        text += value.substr(0, shown);
        if (text.size() > shown) break;
    }
    return text.substr(0, shown);
}

} // namespace

class HttpReader::Impl {
public:
    std::optional<Fetched> feed(std::string_view octets) {
        if (!parser_) {
            auto head = head_.feed(octets);
            if (!head) return base::unexpected(std::move(head.error()));
            if (!*head) return std::nullopt;
            parser_ = std::move(*head);
            if (auto against = judge()) return base::unexpected(std::move(*against));
        }
        return body(octets);
    }

    Fetched finish(bool clean) {
        if (!parser_) return cut(untouched() ? "no response" : "the connection ended within the head");
        const bool sized = parser_->chunked() || parser_->content_length().has_value();
        if (sized) return cut("the connection ended within the body");
        if (!clean) return cut("the connection ended without close_notify");
        return std::move(parser_->get().body());
    }

    [[nodiscard]] bool untouched() const noexcept { return !parser_ && head_.untouched(); }

private:
    static Fetched cut(std::string detail) {
        return base::unexpected(failure(Reason::http_truncated, std::move(detail)));
    }
    static Fetched over() {
        return base::unexpected(
            failure(Reason::http_too_large, "body over " + std::to_string(max_body) + " octets"));
    }

    std::optional<Failure> judge() const {
        const auto& message = parser_->get();
        const std::vector<std::string_view> types = all(*parser_, http::field::content_type);
        const std::vector<std::string_view> codings = all(*parser_, http::field::content_encoding);
        sts::ResponseHead head;
        head.status = message.result_int();
        head.content_type = types;
        head.content_encoding = codings;
        switch (const Reason reason = sts::judge(head)) {
        case Reason::none: break;
        case Reason::http_media_type: return failure(reason, "content type " + first(types, "missing"));
        case Reason::http_encoding: return failure(reason, "content coding " + first(codings, "?"));
        case Reason::http_redirect: {
            const auto where = all(*parser_, http::field::location);
            return failure(reason,
                           "status " + std::to_string(head.status) + " to " + first(where, "nowhere"));
        }
        default: return failure(reason, "status " + std::to_string(head.status));
        }
        // RFC 9112 section 6.1: with HTTP/1.0 the framing is faulty; with any other coding than chunked alone
        // we could not decode the body. Both at once (6.3) Beast has refused.
        const auto transfer = all(*parser_, http::field::transfer_encoding);
        if (!transfer.empty() && (message.version() != 11 || transfer.size() != 1 || !parser_->chunked() ||
                                  !beast::iequals(transfer.front(), "chunked")))
            return failure(Reason::http_malformed, "transfer coding " + first(transfer, "?"));
        if (const auto length = parser_->content_length(); length && *length > max_body)
            return failure(Reason::http_too_large,
                           "announced body of " + std::to_string(*length) + " octets");
        return std::nullopt;
    }

    std::optional<Fetched> body(std::string_view octets) {
        // Beast's assertion in the last chunk wants to see all of its five octets, "0" CRLF CRLF, at once.
        // Since every chunked body ends with them, waiting for five holds up none.
        const std::size_t least = parser_->chunked() ? 5 : 1;
        wire_ += octets.size();
        pending_.append(octets);
        std::string_view left = pending_;
        while (left.size() >= least && !parser_->is_done()) {
            boost::system::error_code ec;
            const std::size_t used = parser_->put(boost::asio::buffer(left), ec);
            left.remove_prefix(used);
            if (parser_->get().body().size() > max_body) return over();
            if (ec == http::error::need_more) break;
            if (ec)
                return Fetched(base::unexpected(failure(Reason::http_malformed, "body: " + ec.message())));
        }
        pending_.erase(0, pending_.size() - left.size());
        if (parser_->is_done()) return Fetched(std::move(parser_->get().body()));
        // What the parser leaves is an unfinished chunk header or trailer; both count like a head.
        if (pending_.size() > max_head || wire_ > max_wire) return over();
        return std::nullopt;
    }

    FinalHead head_;
    std::unique_ptr<Parser> parser_; // set once the final head is there
    std::string pending_;            // octets the parser wants to see again, with more behind them
    std::size_t wire_ = 0;
};

HttpReader::HttpReader() : impl_(std::make_unique<Impl>()) {}
HttpReader::~HttpReader() = default;
std::optional<Fetched> HttpReader::feed(std::string_view octets) { return impl_->feed(octets); }
Fetched HttpReader::finish(bool clean) { return impl_->finish(clean); }
bool HttpReader::untouched() const noexcept { return impl_->untouched(); }

class ConnectReader::Impl {
public:
    FinalHead head;
};

ConnectReader::ConnectReader() : impl_(std::make_unique<Impl>()) {}
ConnectReader::~ConnectReader() = default;

std::optional<base::Expected<void, Failure>> ConnectReader::feed(std::string_view octets) {
    auto head = impl_->head.feed(octets);
    if (!head)
        return base::unexpected(failure(Reason::proxy_failed, "reply to CONNECT: " + head.error().detail));
    if (!*head) return std::nullopt;
    const unsigned status = (*head)->get().result_int();
    if (status < 200 || status > 299)
        return base::unexpected(failure(Reason::proxy_failed, "status " + std::to_string(status)));
    if (!octets.empty())
        return base::unexpected(failure(Reason::proxy_failed, "octets after the reply to CONNECT"));
    return base::Expected<void, Failure>{};
}

} // namespace fetch
