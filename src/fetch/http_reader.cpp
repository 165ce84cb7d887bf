#include "fetch/http_reader.hpp"

#include "sts/response.hpp"

#include <utility>
#include <vector>

namespace fetch {

namespace {

using base::Reason;

Failure failure(Reason reason, std::string detail) {
    Failure f;
    f.reason = reason;
    f.detail = std::move(detail);
    return f;
}

/// Why a response with this head is no policy (RFC 8461 sections 3.2, 3.3).
std::optional<Failure> against(const HttpHead& head) {
    const std::vector<std::string_view> types = head.content_type.all(),
                                        codings = head.content_encoding.all();
    switch (const Reason reason = sts::judge({head.status, types, codings})) {
    case Reason::none: return std::nullopt;
    case Reason::http_media_type: return failure(reason, "Content-Type " + head.content_type.shown());
    case Reason::http_encoding: return failure(reason, "Content-Encoding " + head.content_encoding.shown());
    case Reason::http_redirect:
        return failure(reason, "status " + std::to_string(head.status) + " to " +
                                   (head.location.present() ? head.location.shown() : "nowhere"));
    default: return failure(reason, "status " + std::to_string(head.status));
    }
}

} // namespace

base::Expected<std::optional<HttpHead>, Failure> FinalHead::feed(std::string_view& octets) {
    while (!octets.empty()) {
        auto complete = reader_.feed(octets);
        if (!complete) return base::unexpected(std::move(complete.error()));
        if (!*complete) break;
        HttpHead head = reader_.take();
        // 101 answers an Upgrade that we never asked for. It is not an interim response: the connection no
        // longer speaks HTTP.
        if (head.status > 199 || head.status == 101) return std::optional<HttpHead>(std::move(head));
        if (++interim_ > max_interim)
            return base::unexpected(
                failure(Reason::http_malformed, "over " + std::to_string(max_interim) +
                                                    " interim responses, the last with status " +
                                                    std::to_string(head.status)));
        reader_ = HeadReader();
    }
    return std::optional<HttpHead>();
}

std::optional<Response> HttpReader::feed(std::string_view octets) {
    // Octets over the limit are not read, so that the outcome does not depend on the cuts.
    const std::size_t room = max_wire - wire_;
    const bool over = octets.size() > room;
    octets = octets.substr(0, room);
    wire_ += octets.size();
    if (auto fetched = read(octets)) return fetched;
    if (over)
        return base::unexpected(
            failure(Reason::http_too_large, "response over " + std::to_string(max_wire) + " octets"));
    return std::nullopt;
}

std::optional<Response> HttpReader::read(std::string_view octets) {
    if (!body_) {
        auto head = head_.feed(octets);
        if (!head) return base::unexpected(std::move(head.error()));
        if (!*head) return std::nullopt;
        if (auto reason = against(**head)) return base::unexpected(std::move(*reason));
        auto body = BodyReader::of(**head);
        if (!body) return base::unexpected(std::move(body.error()));
        body_ = std::move(*body);
    }
    const auto complete = body_->feed(octets);
    if (!complete) return base::unexpected(complete.error());
    if (!*complete) return std::nullopt;
    return Response(body_->take());
}

Response HttpReader::finish(bool clean) {
    if (!body_)
        return base::unexpected(failure(
            Reason::http_truncated, untouched() ? "no response" : "the connection ended within the head"));
    if (auto reason = body_->finish(clean)) return base::unexpected(std::move(*reason));
    return body_->take();
}

std::optional<base::Expected<void, Failure>> ConnectReader::feed(std::string_view octets) {
    auto head = head_.feed(octets);
    if (!head)
        return base::unexpected(failure(Reason::proxy_failed, "reply to CONNECT: " + head.error().detail));
    if (!*head) return std::nullopt;
    if ((*head)->status < 200 || (*head)->status > 299)
        return base::unexpected(failure(Reason::proxy_failed, "status " + std::to_string((*head)->status)));
    if (!octets.empty())
        return base::unexpected(failure(Reason::proxy_failed, "octets after the reply to CONNECT"));
    return base::Expected<void, Failure>{};
}

} // namespace fetch
