// wiring/context.hpp - an io_context whose pending handlers can be dropped while what they refer to is still
// there. For one thread.
#pragma once

#include <boost/asio/io_context.hpp>

namespace app {

class Context : public boost::asio::io_context {
public:
    Context() : boost::asio::io_context(1) {}
    /// Nothing runs any more.
    void drop_handlers() { shutdown(); }
};

} // namespace app
