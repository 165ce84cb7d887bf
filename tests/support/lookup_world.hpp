// tests/support/lookup_world.hpp - the real cache, learner, refresher and service in a world made of
// variables.
//
// Time is turned by hand; DNS and HTTPS answer what the test set; the store is the real one, on a file in a
// temporary folder. Everything runs on the calling thread's io_context, so that a test sees a settled state
// after each call.
#pragma once

#include "cache/disk/sqlite_store.hpp"
#include "cache/table.hpp"
#include "lookup/learner.hpp"
#include "lookup/refresher.hpp"
#include "lookup/service.hpp"
#include "support/manual_time.hpp"
#include "support/memory_log.hpp"
#include "support/temp_folder.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace test {

/// How DNS and HTTPS look for one policy domain.
struct DomainWorld {
    dns::Result txt;
    base::seconds txt_delay{0};
    base::Expected<std::string, fetch::Failure> https =
        base::unexpected(fetch::Failure{base::Reason::host_unresolvable, "nothing there"});
    base::seconds https_delay{0};

    DomainWorld() { no_record(); }
    void record(std::string id, base::seconds ttl = base::seconds{60});
    void no_record(base::seconds negative_ttl = base::seconds{60});
    void dns_fails(base::Reason reason) { txt = dns::failed(reason); }
    void policy(std::string text) { https = std::move(text); }
    void https_fails(base::Reason reason, std::string detail = {}) {
        https = base::unexpected(fetch::Failure{reason, std::move(detail)});
    }
};

/// "version: STSv1 ..." with these fields.
[[nodiscard]] std::string policy_text(std::string_view mode, const std::vector<std::string>& mx,
                                      long max_age);

class LookupWorld {
public:
    explicit LookupWorld(cache::Tuning tuning = {});
    ~LookupWorld();

    DomainWorld& at(const std::string& domain) { return world_[domain]; }

    /// Answers to other questions than for "_mta-sts" TXT records; what is not in here does not exist.
    std::map<std::pair<std::string, dns::Type>, dns::Result> dns;
    base::seconds dns_delay{0}; ///< before each of them
    /// One MX host, all of it signed, with one TLSA record of this RDATA (empty: none) at port 25.
    void signed_mx(const std::string& domain, const std::string& mx_host, const std::string& tlsa);
    /// The TLSA RRset of a signed host at a port: one record of this RDATA, or (empty) none.
    void tlsa(const std::string& host, unsigned port, const std::string& rdata);
    /// RDATA of a usable "3 1 1" record.
    static std::string usable_tlsa() { return std::string("\x03\x01\x01", 3) + std::string(32, 'h'); }

    /// Asks as Postfix would and returns the reply, letting time pass only as far as the reply needs.
    std::string ask(const std::string& key, const std::string& map = "sts");
    /// Asks, and lets no time pass.
    void ask_later(const std::string& key, std::function<void(std::string)> reply);
    /// Asks `count` times at once.
    std::vector<std::string> ask_many(const std::string& key, std::size_t count);

    /// Changes the tuning of the running parts, as a reload does.
    void tune(const cache::Tuning& tuning);

    /// Puts these overrides in use, and says whether the daemon only observes; also for later restarts.
    void set_overrides(std::vector<decision::Override> overrides, bool observe = false);
    /// What was only observed since the last call.
    [[nodiscard]] lookup::ObservedSums::Taken take_observed();
    /// Of the parts as they are now: after a restart they are 0.
    [[nodiscard]] const lookup::AnswerCounts& answer_counts() const;
    [[nodiscard]] const lookup::SearchCounts& search_counts() const;

    /// Lets time pass, making every delayed call at its time.
    void pass_to(base::milliseconds at);
    void pass(base::seconds duration) { pass_to(time.passed() + duration); }

    /// Stops and starts the daemon's parts. The store keeps its file.
    void restart();
    /// As restart(), but the new store sees only what was on the disk at this moment.
    void kill();
    /// As restart(), with the store's file damaged in between.
    void restart_with_damaged_store();

    [[nodiscard]] std::size_t txt_questions() const { return txt_questions_; }
    [[nodiscard]] std::size_t gets() const { return gets_; }
    /// Other questions, by name and type.
    [[nodiscard]] std::size_t asked(const std::string& name, dns::Type type) const {
        const auto found = asked_.find({name, type});
        return found == asked_.end() ? 0 : found->second;
    }

    ManualTime time;
    MemoryLog log;
    /// What the refresher draws: 0.5 is "no jitter".
    double random = 0.5;
    /// For values that differ from draw to draw.
    std::function<double()> draw;

    [[nodiscard]] cache::Table& table() { return *table_; }

private:
    friend class WorldResolver;
    friend class WorldFetcher;
    class CountingStore;
    struct Parts;

    void start();
    void stop();
    void settle();
    [[nodiscard]] lookup::ServiceOptions service_options() const;
    boost::asio::awaitable<void> sleep(base::seconds duration);

    TempFolder folder_;
    std::filesystem::path file_ = folder_ / "stsmapd.sqlite";
    cache::Tuning tuning_;
    std::shared_ptr<const decision::Overrides> overrides_;
    bool observe_ = false;
    std::map<std::string, DomainWorld> world_;
    std::size_t txt_questions_ = 0, gets_ = 0;
    std::map<std::pair<std::string, dns::Type>, std::size_t> asked_;
    std::unique_ptr<cache::Table> table_;
    std::unique_ptr<boost::asio::io_context> io_;
    std::unique_ptr<Parts> parts_;
};

} // namespace test
