#include "fetch/https_fetcher.hpp"

#include "fetch/certificate.hpp"
#include "fetch/core.hpp"
#include "fetch/job.hpp"

#include <boost/asio/co_spawn.hpp>

#include <stdexcept>
#include <utility>
#include <vector>

namespace fetch {

namespace asio = boost::asio;
using base::Reason;

namespace {

Result failed(Reason reason, std::string detail) {
    Failure f;
    f.reason = reason;
    f.detail = std::move(detail);
    return base::unexpected(std::move(f));
}

} // namespace

HttpsFetcher::HttpsFetcher(asio::any_io_executor executor, dns::Resolver& resolver, Options options,
                           events::Sink& events)
    : core_(std::make_shared<Core>(std::move(executor), resolver, events)) {
    if (auto set = configure(std::move(options)); !set) throw std::runtime_error(set.error());
}

HttpsFetcher::~HttpsFetcher() {
    core_->closed = true;
    core_->starts->close();
    core_->addresses->close();
    std::vector<std::shared_ptr<Job>> jobs;
    for (Job* job : core_->jobs)
        if (auto alive = job->weak_from_this().lock()) jobs.push_back(std::move(alive));
    for (const auto& job : jobs) job->stop();
    stop_thread();
}

void HttpsFetcher::stop_thread() noexcept { core_->thread->stop(); }

base::Expected<void, std::string> HttpsFetcher::configure(Options options) {
    if (options.max_concurrent == 0 || options.max_per_address == 0)
        return base::unexpected(std::string("the limits of concurrent fetches must be at least 1"));
    auto tls = make_client_context(options.ca_file);
    if (!tls) return base::unexpected(tls.error());
    core_->tls = std::move(*tls);
    core_->nat64->configure(options.nat64_prefixes);
    core_->options = std::move(options);
    core_->addresses->set_limit(core_->options.max_per_address);
    core_->starts->set_limit(core_->options.max_concurrent);
    return {};
}

std::size_t HttpsFetcher::running() const noexcept { return core_->starts->inside(); }
std::size_t HttpsFetcher::queued() const noexcept { return core_->queued; }

asio::awaitable<Result> HttpsFetcher::get(std::string policy_host) {
    return await_job(core_, std::move(policy_host));
}

asio::awaitable<Result> HttpsFetcher::await_job(std::shared_ptr<Core> core, std::string policy_host) {
    if (core->closed) co_return failed(Reason::shutting_down, "the fetcher is gone");
    if (policy_host.ends_with('.')) policy_host.pop_back();
    const auto job = std::make_shared<Job>(core, std::move(policy_host));
    // Ends the job if this frame is destroyed first, because its caller was cancelled or destroyed.
    struct Leash {
        explicit Leash(std::shared_ptr<Job> j) : job(std::move(j)) {}
        ~Leash() { job->stop(); }
        std::shared_ptr<Job> job;
    };
    const Leash leash(job);
    asio::co_spawn(core->executor, job->run(), [job](std::exception_ptr error, Result fetched) {
        job->finish(error, std::move(fetched));
    });
    if (!job->result) {
        co_await job->done.wait();
    }
    if (!job->result) co_return failed(Reason::shutting_down, "the fetch was given up");
    co_return std::move(*job->result);
}

} // namespace fetch
