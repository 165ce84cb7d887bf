#include "events/tap.hpp"

#include "base/text.hpp"
#include "events/render.hpp"

#include <algorithm>
#include <new>

namespace events {

namespace {

Happened copy(const Event& event, base::Instant now) {
    const Line line = render(event);
    Happened out{now, line.level, line.name, {}};
    out.fields.reserve(line.fields().size());
    for (const base::Field& field : line.fields()) {
        if (const auto* text = std::get_if<std::string_view>(&field.value))
            out.fields.emplace_back(field.key, base::printable(*text, Tap::max_value));
        else if (const auto* number = std::get_if<std::int64_t>(&field.value))
            out.fields.emplace_back(field.key, *number);
        else
            out.fields.emplace_back(field.key, std::get<double>(field.value));
    }
    return out;
}

std::size_t octets_of(const Happened& happened) noexcept {
    std::size_t octets = sizeof(Happened) + 16;
    for (const auto& [key, value] : happened.fields) {
        octets += sizeof(happened.fields.front());
        if (const auto* text = std::get_if<std::string>(&value)) octets += text->capacity();
    }
    return octets;
}

} // namespace

Tap::Reader::Reader(Tap& tap, std::string domain, std::function<void()> wake)
    : tap_(tap), domain_(std::move(domain)), wake_(std::move(wake)) {}

Tap::Reader::~Reader() {
    const std::lock_guard lock{tap_.mutex_};
    std::erase(tap_.readers_, this);
    tap_.watched_.store(!tap_.readers_.empty(), std::memory_order_relaxed);
}

Tap::Reader::Taken Tap::Reader::take() {
    const std::lock_guard lock{tap_.mutex_};
    octets_ = 0;
    return std::exchange(queue_, {});
}

std::unique_ptr<Tap::Reader> Tap::watch(std::string domain, std::function<void()> wake) {
    std::unique_ptr<Reader> reader{new Reader(*this, std::move(domain), std::move(wake))};
    {
        const std::lock_guard lock{mutex_};
        if (readers_.size() < max_readers) {
            readers_.push_back(reader.get());
            watched_.store(true, std::memory_order_relaxed);
            return reader;
        }
    }
    return nullptr; // the reader's destructor wants the lock
}

void Tap::note(const Event& event, base::Instant now) noexcept {
    const std::lock_guard lock{mutex_};
    const std::string_view domain = domain_of(event);
    const auto wants = [domain](const Reader* reader) {
        return reader->domain_.empty() || reader->domain_ == domain;
    };
    Happened happened;
    bool copied = false;
    for (Reader* reader : readers_) {
        if (!wants(reader)) continue;
        const bool full = reader->queue_.lost > 0 || reader->queue_.events.size() >= max_queued;
        try {
            if (!full && !std::exchange(copied, true)) happened = copy(event, now);
        } catch (const std::bad_alloc&) {
            copied = false;
        }
        if (full || !copied) {
            if (reader->queue_.lost++ == 0 && reader->queue_.events.empty()) wake(*reader);
        } else {
            add(*reader, happened);
        }
    }
}

/// A reader that has lost something keeps nothing more until it takes what it has: so the loss has its place.
void Tap::add(Reader& reader, const Happened& happened) noexcept {
    const bool first = reader.queue_.events.empty();
    const std::size_t octets = octets_of(happened);
    try {
        if (reader.octets_ + octets <= max_octets) {
            reader.queue_.events.push_back(happened);
            reader.octets_ += octets;
        } else {
            ++reader.queue_.lost;
        }
    } catch (const std::bad_alloc&) {
        ++reader.queue_.lost;
    }
    if (first) wake(reader);
}

void Tap::wake(const Reader& reader) noexcept {
    try {
        if (reader.wake_) reader.wake_();
    } catch (const std::bad_alloc&) {
        return; // it looks again by itself
    }
}

} // namespace events
