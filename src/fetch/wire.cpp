#include "fetch/wire.hpp"

#include <algorithm>
#include <cstring>

namespace fetch {

struct Wire::Methods {
    static Wire& of(BIO* bio) noexcept { return *static_cast<Wire*>(BIO_get_data(bio)); }
    static int read(BIO* bio, char* to, int size) { return of(bio).read(bio, to, size); }
    static int write(BIO* bio, const char* from, int size) { return of(bio).write(bio, from, size); }
    static long control(BIO* bio, int what, long, void*) {
        switch (what) {
        case BIO_CTRL_FLUSH: return 1;
        case BIO_CTRL_EOF: return of(bio).ended_ && of(bio).pending() == 0 ? 1 : 0;
        default: return 0;
        }
    }
    static int create(BIO* bio) {
        BIO_set_init(bio, 1);
        return 1;
    }
    static BIO_METHOD* make() {
        BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
        if (made == nullptr) return nullptr;
        BIO_meth_set_read(made, read);
        BIO_meth_set_write(made, write);
        BIO_meth_set_ctrl(made, control);
        BIO_meth_set_create(made, create);
        return made;
    }
};

BIO* Wire::make_bio() {
    static BIO_METHOD* const methods = Methods::make();
    BIO* const bio = methods != nullptr ? BIO_new(methods) : nullptr;
    if (bio != nullptr) BIO_set_data(bio, this);
    return bio;
}

int Wire::read(BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    if (met_ != Limit::none) return -1;
    if (pending() == 0 && ended_) return 0;
    if (pending() > 0 && given_ >= piece && room && !room()) paused_ = true;
    if (pending() == 0 || paused_) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (given_ >= piece) given_ = 0;
    const std::size_t count =
        std::min({static_cast<std::size_t>(std::max(size, 0)), pending(), piece - given_});
    std::memcpy(to, in_.data() + at_, count);
    at_ += count;
    given_ += count;
    return static_cast<int>(count);
}

int Wire::write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const std::size_t count = static_cast<std::size_t>(std::max(size, 0));
    if (count > out_.size() - out_used_) {
        refuse(Limit::output);
        return -1;
    }
    std::memcpy(out_.data() + out_used_, from, count);
    out_used_ += count;
    return size;
}

} // namespace fetch
