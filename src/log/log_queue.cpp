#include "log/log_queue.hpp"

#include "log/log_slot.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace app {

namespace {

/// How long the writer waits for more lines after it has written: too short for a person to notice, but
/// enough for a thousand lines of a busy server. If the writer shares a processor with clients, each of its
/// turns delays some of their questions: it must be fewer than one in a hundred, and not for long.
constexpr std::chrono::milliseconds gather{10};
constexpr std::size_t kept_octets = 1 << 20; // of a batch's memory, after a burst

} // namespace

void LogBatch::add(base::Level level, config::LogTarget target, std::string_view text) {
    char* at = put(octets_.room(text.size() + 1), text);
    *at++ = '\n';
    end(level, target, LogForm::line, at);
}

void LogBatch::add(base::Level level, config::LogTarget target, const events::Lookup& event, bool json) {
    char* at = pack(event, json, octets_.room(max_slot + 1));
    *at++ = '\n';
    end(level, target, LogForm::lookup, at);
}

void LogBatch::end(base::Level level, config::LogTarget target, LogForm form, const char* at) {
    const std::size_t before = octets_.size();
    octets_.end_at(at);
    try {
        heads_.push_back({level, target, form, octets_.size()});
    } catch (const std::bad_alloc&) {
        octets_.cut_to(before);
        throw;
    }
}

void LogBatch::drop_first() {
    ++first_;
    if (first_ <= heads_.size() / 2) return;
    // Only when more is dropped than kept, so each octet moves a bounded number of times.
    const std::size_t from = begin_of(first_);
    heads_.erase(heads_.begin(), heads_.begin() + static_cast<std::ptrdiff_t>(first_));
    octets_.drop_first(from);
    for (Head& head : heads_) head.end -= from;
    first_ = 0;
}

void LogBatch::clear() {
    heads_.clear();
    first_ = 0;
    octets_.clear();
    if (octets_.capacity() <= kept_octets) return;
    LogBuffer empty;
    std::swap(octets_, empty); // an assignment would keep the memory
    std::vector<Head>{}.swap(heads_);
}

LogBatch::Line LogBatch::operator[](std::size_t i) const {
    const Head& head = heads_[first_ + i];
    std::string_view text = lines(i, i + 1);
    text.remove_suffix(1);
    return {head.level, head.target, text, head.form};
}

std::size_t LogBatch::end_of_run(std::size_t from) const noexcept {
    const config::LogTarget target = heads_[first_ + from].target;
    std::size_t end = first_ + from + 1;
    while (end < heads_.size() && heads_[end].target == target) ++end;
    return end - first_;
}

std::size_t LogBatch::end_of_piece(std::size_t from, std::size_t to, std::size_t octets) const noexcept {
    const auto head = [this](std::size_t i) {
        return heads_.begin() + static_cast<std::ptrdiff_t>(first_ + i);
    };
    const std::size_t most = begin_of(first_ + from) + octets;
    const auto end = std::upper_bound(head(from + 1), head(to), most,
                                      [](std::size_t limit, const Head& h) { return limit < h.end; });
    return static_cast<std::size_t>(end - head(0));
}

std::string_view LogBatch::lines(std::size_t from, std::size_t to) const noexcept {
    const std::size_t begin = begin_of(first_ + from);
    return octets_.text().substr(begin, begin_of(first_ + to) - begin);
}

void LogQueue::put(base::Level level, config::LogTarget target, std::string_view text) noexcept {
    put_one([&] { waiting_.add(level, target, text); });
}

void LogQueue::put(base::Level level, config::LogTarget target, const events::Lookup& event,
                   bool json) noexcept {
    put_one([&] { waiting_.add(level, target, event, json); });
}

template <class Add>
void LogQueue::put_one(const Add& add) noexcept {
    bool wake = false;
    {
        std::lock_guard lock{mutex_};
        if (waiting_.size() == most_) {
            waiting_.drop_first();
            ++lost_;
        }
        try {
            add();
        } catch (const std::bad_alloc&) {
            ++lost_;
            return;
        }
        wake = reader_ == Reader::asleep ||
               (reader_ == Reader::gathering && waiting_.size() >= std::max<std::size_t>(most_ / 2, 1));
        if (wake) reader_ = Reader::busy; // once is enough
    }
    if (wake) wake_.notify_one();
}

bool LogQueue::take(LogBatch& batch) {
    batch.clear();
    std::unique_lock lock{mutex_};
    const auto woken = [this] { return closed_ || reader_ == Reader::busy; };
    if (std::exchange(taken_, false) && !closed_) {
        reader_ = Reader::gathering;
        wake_.wait_for(lock, gather, woken);
    }
    if (waiting_.size() == 0 && !closed_) {
        reader_ = Reader::asleep;
        wake_.wait(lock, woken);
    }
    reader_ = Reader::busy;
    std::swap(batch, waiting_);
    taken_ = batch.size() > 0;
    return taken_;
}

void LogQueue::close() {
    {
        std::lock_guard lock{mutex_};
        closed_ = true;
    }
    wake_.notify_one();
}

void LogQueue::lose_one() noexcept { ++lost_; }

std::size_t LogQueue::lost() const noexcept { return lost_; }

} // namespace app
