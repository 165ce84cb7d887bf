#include "cache/valkey/resp.hpp"

#include "base/text.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

namespace valkey {

namespace {

#if HIREDIS_MAJOR >= 1
using ArraySize = std::size_t;
#else
using ArraySize = int;
#endif

/// Unused memory that a reader's buffer keeps between replies.
constexpr std::size_t kept_buffer = 64 * 1024;

struct FreeCommand {
    void operator()(char* command) const noexcept { redisFreeCommand(command); }
};

} // namespace

base::Expected<std::string, Failure> format(std::span<const std::string> arguments) {
    if (arguments.empty()) return base::unexpected(Failure{Trouble::refused, "an empty command"});
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    std::size_t sum = 0;
    for (const std::string& argument : arguments) {
        texts.push_back(argument.data());
        sizes.push_back(argument.size());
        sum += argument.size() + 16; // "$", the length, two line ends
        if (sum > max_command)
            return base::unexpected(
                Failure{Trouble::too_large, "a command of over " + std::to_string(max_command) + " octets"});
    }
    char* made = nullptr;
    const auto size =
        redisFormatCommandArgv(&made, static_cast<int>(texts.size()), texts.data(), sizes.data());
    const std::unique_ptr<char, FreeCommand> command{made};
    if (size < 0 || !command) throw std::bad_alloc();
    return std::string(command.get(), static_cast<std::size_t>(size));
}

/// The root is allocated on its own, and handed over by hiredis; every other value is an element of its parent.
struct ReplyReader::Builder {
    explicit Builder(const ReplyLimits& l) : limits(l) {}

    static redisReplyObjectFunctions make_functions() noexcept {
        redisReplyObjectFunctions all{};
        all.createString = [](const redisReadTask* task, char* text, std::size_t size) {
            return make(task, [&](Reply& reply) { reply.text.assign(text, size); });
        };
        all.createArray = [](const redisReadTask* task, ArraySize size) {
            const auto count = static_cast<std::size_t>(size);
            return make(
                task, [&](Reply& reply) { reply.elements.resize(count); }, count);
        };
        all.createInteger = [](const redisReadTask* task, long long value) {
            return make(task, [&](Reply& reply) { reply.integer = value; });
        };
        all.createNil = [](const redisReadTask* task) { // its type is that of what is missing
            return make(task, [](Reply& reply) { reply.kind = Reply::Kind::nil; });
        };
#if HIREDIS_MAJOR >= 1
        all.createDouble = [](const redisReadTask* task, double, char*, std::size_t) {
            return make(task, [](Reply&) {});
        };
        all.createBool = [](const redisReadTask* task, int) { return make(task, [](Reply&) {}); };
#endif
        all.freeObject = [](void* reply) { delete static_cast<Reply*>(reply); };
        return all;
    }
    /// hiredis takes them by a pointer that is not const.
    static redisReplyObjectFunctions* functions() noexcept {
        static redisReplyObjectFunctions all = make_functions();
        return &all;
    }

    /// Null stops hiredis. No exception may pass through it.
    template <class Fill>
    static void* make(const redisReadTask* task, Fill fill, std::size_t elements = 0) noexcept {
        Builder& self = *static_cast<Builder*>(task->privdata);
        const std::optional<Reply::Kind> kind = kind_of(task->type);
        if (!kind) {
            self.foreign = true; // a type of RESP3, which nobody asked for
            return nullptr;
        }
        self.elements += std::min(elements, self.limits.elements + 1);
        if (self.elements > self.limits.elements ||
            (*kind == Reply::Kind::array && depth(task) > self.limits.depth)) {
            self.too_large = true;
            return nullptr;
        }
        try {
            Reply value;
            value.kind = *kind;
            fill(value);
            if (task->parent == nullptr) return new Reply(std::move(value));
            Reply& parent = *static_cast<Reply*>(task->parent->obj);
            Reply& place = parent.elements.at(static_cast<std::size_t>(task->idx));
            place = std::move(value);
            return &place;
        } catch (...) {
            return nullptr;
        }
    }

    static int depth(const redisReadTask* task) noexcept {
        int arrays = 0;
        for (; task != nullptr; task = task->parent) ++arrays;
        return arrays;
    }
    static std::optional<Reply::Kind> kind_of(int type) noexcept {
        switch (type) {
        case REDIS_REPLY_STRING: return Reply::Kind::string;
        case REDIS_REPLY_ARRAY: return Reply::Kind::array;
        case REDIS_REPLY_INTEGER: return Reply::Kind::integer;
        case REDIS_REPLY_NIL: return Reply::Kind::nil;
        case REDIS_REPLY_STATUS: return Reply::Kind::status;
        case REDIS_REPLY_ERROR: return Reply::Kind::error;
        default: return std::nullopt;
        }
    }

    ReplyLimits limits;
    std::size_t elements = 0; // of the reply at hand
    bool too_large = false, foreign = false;
};

void ReplyReader::Free::operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }

ReplyReader::ReplyReader(ReplyLimits limits)
    : limits_(limits), builder_(std::make_unique<Builder>(limits)),
      reader_(redisReaderCreateWithFunctions(Builder::functions())) {
    if (!reader_) throw std::bad_alloc();
    reader_->maxbuf = kept_buffer;
    reader_->privdata = builder_.get();
}
ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view octets) {
    if (bad_ || octets.empty()) return;
    octets_ += octets.size();
    if (redisReaderFeed(reader_.get(), octets.data(), octets.size()) != REDIS_OK) throw std::bad_alloc();
}

ReplyReader::State ReplyReader::fail(Trouble trouble, std::string words) {
    bad_ = true;
    failure_ = Failure{trouble, std::move(words)};
    return State::bad;
}

ReplyReader::State ReplyReader::next() {
    if (bad_) return State::bad;
    void* made = nullptr;
    if (redisReaderGetReply(reader_.get(), &made) != REDIS_OK) {
        if (builder_->too_large)
            return fail(Trouble::too_large, "a reply of too many elements, or nested too deep");
        if (builder_->foreign) return fail(Trouble::protocol, "a reply that RESP2 does not have");
        if (reader_->err == REDIS_ERR_OOM) throw std::bad_alloc();
        return fail(Trouble::protocol, base::printable(reader_->errstr, 100));
    }
    if (made == nullptr) {
        if (octets_ > limits_.octets)
            return fail(Trouble::too_large, "a reply of over " + std::to_string(limits_.octets) + " octets");
        return State::more;
    }
    const std::unique_ptr<Reply> whole{static_cast<Reply*>(made)};
    reply_ = std::move(*whole);
    builder_->elements = 0;
    octets_ = reader_->len - reader_->pos;
    return State::whole;
}

} // namespace valkey
