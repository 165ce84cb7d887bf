// wiring/context.hpp - an io_context whose pending handlers can be dropped while the objects they refer to
// still exist. For one thread.
#pragma once

#include <boost/asio/io_context.hpp>

namespace app {

class Context : public boost::asio::io_context {
public:
    Context() : boost::asio::io_context(1) {}
    /// Destroys all pending handlers; nothing runs after this.
    void drop_handlers() { shutdown(); }
};

} // namespace app
