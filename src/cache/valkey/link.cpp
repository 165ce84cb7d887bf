#include "cache/valkey/link.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace valkey {

namespace {

constexpr std::string_view ping_command = "*1\r\n$4\r\nPING\r\n";
/// Octets of an error reply that are shown.
constexpr std::size_t max_words = 120;

} // namespace

Link::Link(const Login& login, LinkTuning tuning, base::Steady now, base::Steady greeted_by)
    : tuning_(tuning), secrets_{login.password, login.user}, greeting_(login), greeted_by_(greeted_by),
      reader_(tuning.replies), output_(greeting_.octets()), heard_(now) {
    if (greeting_.progress() == Greeting::Progress::ready) state_ = State::ready;
    if (greeting_.progress() == Greeting::Progress::failed) lost(greeting_.failure());
}

std::optional<Trouble> Link::send(Id id, std::string_view command, base::Steady deadline) {
    if (state_ != State::ready || !channel_.empty()) return Trouble::down;
    if (pending_.size() >= tuning_.max_pending || output_.size() > tuning_.max_output)
        return Trouble::overloaded;
    // What may find no memory comes before the octets: a reply is matched to its question by their order.
    if (output_.capacity() - output_.size() < command.size())
        output_.reserve(std::max(2 * output_.capacity(), output_.size() + command.size()));
    pending_.push_back({id, deadline});
    try {
        limits_.emplace(deadline, first_ + pending_.size() - 1);
    } catch (...) {
        pending_.pop_back();
        throw;
    }
    output_ += command;
    return std::nullopt;
}

void Link::subscribe(const std::string& channel, base::Steady now) {
    if (state_ != State::ready || !channel_.empty() || !pending_.empty()) return;
    const auto command = format(Arguments{"SUBSCRIBE", channel});
    if (!command || channel.empty()) return lost(Failure{Trouble::too_large, "the channel's name"});
    channel_ = channel;
    output_ += *command;
    pinged_ = now; // the confirmation is waited for as the answer to a PING
}

void Link::ping(base::Steady now) {
    output_.reserve(output_.size() + ping_command.size());
    if (channel_.empty()) {
        Pending ours;
        ours.ping = true;
        pending_.push_back(ours);
    }
    output_ += ping_command;
    pinged_ = now;
}

void Link::received(std::string_view octets, base::Steady now) {
    if (state_ == State::over || octets.empty()) return;
    reader_.feed(octets);
    while (state_ != State::over) {
        const ReplyReader::State state = reader_.next();
        if (state == ReplyReader::State::more) return;
        if (state == ReplyReader::State::bad) return lost(reader_.failure());
        heard_ = now; // a part of a reply is no sign: an engine could drip octets without end
        take(reader_.reply());
    }
}

void Link::take(Reply& reply) {
    if (state_ == State::ready && !channel_.empty()) return take_push(reply);
    if (state_ == State::ready) return take_reply(reply);
    switch (greeting_.take(reply)) {
    case Greeting::Progress::more: return;
    case Greeting::Progress::ready: state_ = State::ready; return;
    case Greeting::Progress::failed: return lost(greeting_.failure());
    }
}

/// What an operator may read of an error reply: an engine repeats arguments and the user's name, and a bad one might
/// repeat the password.
Failure Link::failure_of(const std::string& error) const {
    std::string words;
    for (std::size_t at = 0; at < error.size() && words.size() <= max_words;) {
        const auto hidden = std::ranges::find_if(secrets_, [&](const std::string& secret) {
            return !secret.empty() && error.compare(at, secret.size(), secret) == 0;
        });
        if (hidden != secrets_.end()) {
            words += '*';
            at += hidden->size();
        } else {
            words += error[at++];
        }
    }
    return {trouble_of(error), base::printable(words, max_words)};
}

void Link::answer(Pending& pending, Answer what) {
    pending.answered = true;
    done_.push_back({pending.id, std::move(what)});
}

void Link::take_reply(Reply& reply) {
    if (pending_.empty()) return lost(Failure{Trouble::protocol, "a reply to nothing"});
    Pending pending = pending_.front();
    pending_.pop_front();
    const std::uint64_t number = first_++;
    if (pending.ping) {
        pinged_.reset(); // an error, too, shows that it is there
        return;
    }
    if (pending.answered) return;
    limits_.erase({pending.deadline, number});
    if (reply.is_error())
        answer(pending, base::unexpected(failure_of(reply.text)));
    else
        answer(pending, std::move(reply));
}

/// ["subscribe", channel, 1], ["message", channel, payload], ["pong", ""].
void Link::take_push(Reply& reply) {
    if (reply.is_error()) return lost(failure_of(reply.text));
    std::vector<Reply>& parts = reply.elements;
    if (parts.size() == 3 && parts[0].says("message") && subscribed_) {
        if (parts[1].text == channel_)
            messages_.push_back({std::move(parts[1].text), std::move(parts[2].text)});
        return;
    }
    if (parts.size() == 3 && parts[0].says("subscribe") && parts[1].text == channel_) {
        subscribed_ = true;
        pinged_.reset();
        return;
    }
    if (parts.size() == 2 && parts[0].says("pong")) {
        pinged_.reset();
        return;
    }
    lost(Failure{Trouble::protocol, "neither a message nor a confirmation"});
}

void Link::lost(Failure failure) {
    if (state_ == State::over) return;
    state_ = State::over;
    failure_ = std::move(failure);
    for (Pending& pending : pending_)
        if (!pending.answered && !pending.ping) answer(pending, base::unexpected(failure_));
    pending_.clear();
    limits_.clear();
    output_.clear();
    for (std::string& secret : secrets_) secret.clear();
}

void Link::tick(base::Steady now) {
    if (state_ == State::over) return;
    if (state_ == State::greeting) {
        if (now >= greeted_by_) lost(Failure{Trouble::timeout, "no answer while logging in"});
        return;
    }
    while (!limits_.empty() && limits_.begin()->first <= now) {
        const std::uint64_t number = limits_.begin()->second;
        limits_.erase(limits_.begin());
        answer(pending_[number - first_], base::unexpected(Failure{Trouble::timeout, "no reply in time"}));
    }
    if (pinged_ && now >= *pinged_ + tuning_.deaf)
        return lost(Failure{Trouble::timeout, channel_.empty() || subscribed_ ? "no answer to PING"
                                                                              : "no answer to SUBSCRIBE"});
    if (!pinged_ && now >= heard_ + tuning_.idle) ping(now);
}

base::Steady Link::next_tick() const noexcept {
    if (state_ == State::over) return base::Steady::max();
    if (state_ == State::greeting) return greeted_by_;
    base::Steady next = pinged_ ? *pinged_ + tuning_.deaf : heard_ + tuning_.idle;
    if (!limits_.empty()) next = std::min(next, limits_.begin()->first);
    return next;
}

} // namespace valkey
