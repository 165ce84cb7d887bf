#include "smtp/dialogue.hpp"

#include "base/text.hpp"

#include <utility>

namespace smtp {
namespace {

std::string kept(std::string_view text) { return std::string(text.substr(0, max_kept_text)); }

/// The first word of an EHLO line: an old form has "=" behind it ("AUTH=LOGIN").
std::string_view keyword(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t=");
    if (start == std::string_view::npos) return {};
    text.remove_prefix(start);
    return text.substr(0, text.find_first_of(" \t="));
}

/// The first line with a word is the server's name, not a keyword.
bool offers_starttls(const Reply& reply) {
    bool named = false;
    for (std::size_t line = 0; line < reply.lines.size(); ++line) {
        const std::string_view word = keyword(reply.text(line));
        if (word.empty()) continue;
        if (named && base::iequals(word, "STARTTLS")) return true;
        named = true;
    }
    return false;
}

Trouble refusal(const Reply& reply) {
    return reply.code / 100 == 5 ? Trouble::reply_5xx : Trouble::reply_4xx;
}

} // namespace

Dialogue::Dialogue(std::string helo_name) {
    seen_.stage = Stage::banner;
    seen_.helo_name = std::move(helo_name);
}

Dialogue::Want Dialogue::want() const noexcept {
    if (state_ == State::over) return Want::end;
    return state_ == State::tls ? Want::tls : Want::octets;
}

std::string Dialogue::to_send() { return std::exchange(out_, {}); }

void Dialogue::say(std::string_view command, State next) {
    out_ += command;
    out_ += "\r\n";
    state_ = next;
}

/// The end of the search, in the stage at hand.
void Dialogue::stop(Trouble trouble, std::string_view words, State next) {
    seen_.trouble = trouble;
    seen_.words = kept(words);
    state_ = next;
    if (next == State::quit) say("QUIT", State::quit);
}

void Dialogue::received(std::string_view octets) {
    while (!octets.empty() && want() == Want::octets) {
        switch (reader_.feed(octets)) {
        case ReplyReader::State::more: return;
        case ReplyReader::State::bad: return over_limit();
        case ReplyReader::State::whole: take(reader_.reply());
        }
    }
    if (octets.empty() || state_ != State::tls) return;
    seen_.stage = Stage::starttls;
    stop(Trouble::injected, octets, State::over);
}

/// A reply without end: QUIT is said, and nothing more is read.
void Dialogue::over_limit() {
    const State before = std::exchange(state_, State::over);
    if (before == State::quit) return;
    stop(Trouble::not_smtp, reader_.trouble(), State::over);
    if (before != State::banner) say("QUIT", State::over); // who has not greeted yet must not be spoken to
}

void Dialogue::take(const Reply& reply) {
    switch (state_) {
    case State::banner: return take_banner(reply);
    case State::ehlo: return take_ehlo(reply);
    case State::helo: return take_helo(reply);
    case State::starttls: return take_starttls(reply);
    case State::tls:
    case State::quit:
    case State::over: state_ = State::over;
    }
}

void Dialogue::take_banner(const Reply& reply) {
    seen_.banner = kept(reply.words());
    if (reply.code / 100 != 2) return stop(refusal(reply), reply.words(), State::quit);
    seen_.stage = Stage::ehlo;
    say("EHLO " + seen_.helo_name, State::ehlo);
}

void Dialogue::take_ehlo(const Reply& reply) {
    if (reply.code == 421) return stop(refusal(reply), reply.words(), State::quit);
    if (reply.code / 100 != 2) {
        seen_.words = kept(reply.words());
        return say("HELO " + seen_.helo_name, State::helo);
    }
    for (std::size_t line = 0; line < reply.lines.size(); ++line)
        seen_.ehlo.push_back(kept(reply.text(line)));
    seen_.stage = Stage::starttls;
    if (!offers_starttls(reply)) return stop(Trouble::not_offered, {}, State::quit);
    say("STARTTLS", State::starttls);
}

/// What EHLO was refused with says why there is no STARTTLS.
void Dialogue::take_helo(const Reply& reply) {
    if (reply.code / 100 != 2) return stop(refusal(reply), reply.words(), State::quit);
    seen_.stage = Stage::starttls;
    stop(Trouble::not_offered, std::string(seen_.words), State::quit);
}

void Dialogue::take_starttls(const Reply& reply) {
    if (reply.code / 100 != 2) return stop(refusal(reply), reply.words(), State::quit);
    seen_.stage = Stage::tls;
    state_ = State::tls;
}

void Dialogue::closed(std::string_view words) {
    if (state_ == State::quit || state_ == State::over) {
        state_ = State::over;
        return;
    }
    if (const std::string stray = reader_.stray(); !stray.empty() && state_ != State::tls)
        return stop(Trouble::not_smtp, stray, State::over);
    stop(Trouble::closed, words, State::over);
}

void Dialogue::timed_out() {
    const State before = std::exchange(state_, State::over);
    if (before == State::quit || before == State::over) return;
    const std::string stray = reader_.stray();
    if (!stray.empty() && before != State::tls)
        stop(Trouble::not_smtp, stray, State::over);
    else
        stop(Trouble::timeout, {}, State::over);
    // It may only be slow. Who has not greeted yet must not be spoken to.
    if (before == State::ehlo || before == State::helo || before == State::starttls) say("QUIT", State::over);
}

void Dialogue::shaken() {
    seen_.stage = Stage::done;
    say("QUIT", State::quit);
}

void Dialogue::not_shaken(Trouble trouble, std::string_view words) {
    seen_.stage = Stage::tls;
    out_.clear();
    stop(trouble, words, State::over);
}

} // namespace smtp
