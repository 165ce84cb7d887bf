// wiring/context.hpp - an io_context whose pending handlers can be dropped while the objects they refer to
// still exist. For one thread.
#pragma once

#include <boost/asio/io_context.hpp>

#include <new>

namespace app {

class Context : public boost::asio::io_context {
public:
    Context() : boost::asio::io_context(1) {}
    /// Runs until it is stopped. When memory runs out, a handler may be lost, and with it a connection or a lookup, but
    /// the daemon continues.
    void run_on() {
        for (;;) {
            try {
                run();
                return;
            } catch (const std::bad_alloc&) {
                continue; // whoever keeps memory in reserve logs it
            }
        }
    }
    /// Destroys all pending handlers; nothing runs after this.
    void drop_handlers() { shutdown(); }
};

} // namespace app
