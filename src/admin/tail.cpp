#include "admin/tail.hpp"

#include "admin/json.hpp"
#include "base/domain.hpp"
#include "base/event.hpp"
#include "base/text.hpp"
#include "base/utc.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <atomic>
#include <utility>

namespace admin {

namespace asio = boost::asio;

namespace {

constexpr std::array<std::string_view, 4> levels{"debug", "info", "warning", "error"};

class Lines final : public Stream {
public:
    Lines(const asio::any_io_executor& executor, events::Tap& tap, std::string domain)
        : bell_(std::make_shared<Bell>(executor)),
          reader_(tap.watch(std::move(domain), [weak = std::weak_ptr{bell_}, executor] {
              // From any thread: the bell itself belongs to this one.
              asio::post(executor, [weak] {
                  if (const auto bell = weak.lock()) bell->notify();
              });
          })) {}

    [[nodiscard]] bool open() const noexcept { return reader_ != nullptr; }

    asio::awaitable<std::optional<std::string>> next() override {
        for (;;) {
            const events::Tap::Reader::Taken taken = reader_->take();
            std::string lines;
            for (const events::Happened& happened : taken.events) lines += line(to_json(happened));
            if (taken.lost > 0) lines += line(Json{{"lost", taken.lost}});
            if (!lines.empty()) co_return lines;
            co_await bell_->wait();
        }
    }

private:
    using Bell = base::Event;
    std::shared_ptr<Bell> bell_;
    std::unique_ptr<events::Tap::Reader> reader_;
};

} // namespace

Json to_json(const events::Happened& happened) {
    Json fields = Json::object();
    for (const auto& [key, value] : happened.fields)
        std::visit([&fields, name = std::string{key}](const auto& v) { fields[name] = v; }, value);
    return Json{{"at", base::utc(happened.at)},
                {"event", happened.name},
                {"level", levels.at(static_cast<std::size_t>(happened.level))},
                {"fields", std::move(fields)}};
}

base::Expected<Reply, Error> Tail::follow(const Request& request) const {
    std::string domain;
    if (const std::string_view text = request.parameter("domain"); !text.empty()) {
        const auto parsed = base::Domain::parse(text);
        if (!parsed)
            return base::unexpected(
                Error{400, "bad-request", base::printable(text, 100) + " is no domain name", "domain"});
        domain = parsed->name();
    }
    auto lines = std::make_unique<Lines>(executor_, tap_, std::move(domain));
    if (!lines->open())
        return base::unexpected(
            Error{503, "unavailable",
                  std::to_string(events::Tap::max_readers) + " readers follow the events already"});
    Reply reply;
    reply.lines = std::move(lines);
    return reply;
}

} // namespace admin
