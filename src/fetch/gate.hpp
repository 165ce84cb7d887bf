// fetch/gate.hpp - a limit on how many may be inside at once; others wait and are admitted in the order they
// came.
//
// Single-threaded, no I/O. Places and waiters may outlive the gate's owner.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <utility>

namespace fetch {

class Gate : public std::enable_shared_from_this<Gate> {
public:
    /// A place inside. Its destruction lets the next waiter in.
    class Admission {
    public:
        Admission() = default;
        Admission(Admission&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
        Admission& operator=(Admission&& other) noexcept {
            std::swap(gate_, other.gate_);
            return *this;
        }
        ~Admission() {
            if (gate_) gate_->leave();
        }
        /// Leaves now.
        void release() noexcept { const Admission gone{std::move(*this)}; }
        [[nodiscard]] explicit operator bool() const noexcept { return gate_ != nullptr; }

    private:
        friend class Gate;
        explicit Admission(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
        std::shared_ptr<Gate> gate_;
    };

    /// A turn in the queue; its destruction gives it up.
    class Waiter {
    public:
        Waiter(std::shared_ptr<Gate> gate, std::function<void()> ready, bool first);
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        ~Waiter();
        [[nodiscard]] bool granted() const noexcept { return static_cast<bool>(admission_); }
        /// Requires granted().
        [[nodiscard]] Admission take() noexcept { return std::move(admission_); }

    private:
        friend class Gate;
        std::shared_ptr<Gate> gate_;
        std::function<void()> ready_;
        Admission admission_;
        std::list<Waiter*>::iterator turn_;
        bool queued_ = true;
    };

    explicit Gate(std::size_t limit) : limit_(limit) {}

    /// A place when one is free and nobody waits for it, else an empty one.
    [[nodiscard]] Admission try_enter();
    /// Joins the queue, at its front when `first`. `ready` is called once the place is granted; it must not
    /// come back into the gate.
    [[nodiscard]] std::unique_ptr<Waiter> wait(std::function<void()> ready, bool first = false);
    /// A higher limit lets waiters in at once; a lower one takes no place away.
    void set_limit(std::size_t limit);
    /// From now on nobody is let in.
    void close() noexcept { closed_ = true; }

    [[nodiscard]] std::size_t inside() const noexcept { return inside_; }
    [[nodiscard]] std::size_t waiting() const noexcept { return queue_.size(); }

private:
    void leave();
    void admit();

    std::size_t limit_;
    std::size_t inside_ = 0;
    bool closed_ = false;
    std::list<Waiter*> queue_;
};

} // namespace fetch
