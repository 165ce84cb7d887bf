#include "tool/cli/interrupts.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <thread>

namespace tool {

struct Interrupts::Watch {
    boost::asio::io_context loop{1};
    boost::asio::signal_set signals{loop, SIGINT, SIGTERM};
    std::stop_source source;
    std::thread thread;
};

Interrupts::Interrupts() : watch_(std::make_unique<Watch>()) {
    watch_->signals.async_wait([watch = watch_.get()](const boost::system::error_code& error, int) {
        if (error) return;
        watch->signals.clear(); // the next signal ends the process
        watch->source.request_stop();
    });
    watch_->thread = std::thread([watch = watch_.get()] { watch->loop.run(); });
}

Interrupts::~Interrupts() {
    watch_->loop.stop();
    watch_->thread.join();
}

std::stop_token Interrupts::token() const { return watch_->source.get_token(); }

} // namespace tool
