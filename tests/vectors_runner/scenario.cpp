// Scenario vectors: sequences over virtual time through the real cache, store, learner, refresher and
// service.
#include "sts/response.hpp"
#include "support/lookup_world.hpp"
#include "vectors_runner/runner.hpp"

#include <algorithm>
#include <stdexcept>

namespace vectors {

namespace {

using base::milliseconds;
using base::Reason;
using base::seconds;

/// A vector asks for something this runner does not know: counts as failed, with these words.
struct NotUnderstood : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void set_txt(test::DomainWorld& world, const json& txt) {
    const std::string rcode = txt.at("rcode");
    if (rcode == "TIMEOUT") {
        world.dns_fails(Reason::dns_timeout);
        world.txt_delay = seconds{8}; // how long the resolver would take to give up
        return;
    }
    world.txt_delay = seconds{txt.value("delay_s", 0)};
    if (rcode == "SERVFAIL" || rcode == "REFUSED" || rcode == "FORMERR" || rcode == "NOTIMP") {
        world.dns_fails(rcode == "REFUSED" ? Reason::dns_refused : Reason::dns_servfail);
        return;
    }
    if (rcode != "NOERROR" && rcode != "NXDOMAIN") throw NotUnderstood("rcode " + rcode);
    dns::Answer answer;
    answer.kind = rcode == "NXDOMAIN" ? dns::Answer::Kind::nxdomain : dns::Answer::Kind::nodata;
    for (const json& rr : txt.at("rr")) {
        std::string joined;
        for (const json& part : rr) joined += octets(part);
        answer.records.push_back(std::move(joined));
        answer.kind = dns::Answer::Kind::data;
    }
    if (txt.contains("ttl")) answer.ttl = seconds{txt.at("ttl").get<long>()};
    world.txt = std::move(answer);
}

Reason tls_reason(const std::string& reason) {
    if (reason == "expired" || reason == "not_yet_valid") return Reason::cert_expired;
    if (reason == "wrong_host" || reason == "name_mismatch") return Reason::cert_name_mismatch;
    if (reason == "handshake") return Reason::tls_handshake;
    return Reason::cert_untrusted;
}

void set_https(test::DomainWorld& world, const json& https) {
    const std::string kind = https.at("kind");
    world.https_delay = seconds{https.value("delay_s", 0)};
    if (kind == "response") {
        const std::string type = https.value("content_type", "");
        const std::string_view view{type};
        sts::ResponseHead head;
        head.status = https.at("status").get<unsigned>();
        if (https.contains("content_type")) head.content_type = {&view, 1};
        const Reason verdict = sts::judge(head);
        if (verdict != Reason::none) return world.https_fails(verdict);
        std::string body = https.contains("body_b64") ? from_base64(https.at("body_b64").get<std::string>())
                                                      : https.value("body", "");
        if (body.size() > sts::max_policy_size) return world.https_fails(Reason::http_too_large);
        return world.policy(std::move(body));
    }
    if (kind == "tls_fail") return world.https_fails(tls_reason(https.value("reason", "")));
    if (kind == "connect_fail") return world.https_fails(Reason::connect_failed);
    if (kind == "dns_fail") return world.https_fails(Reason::host_unresolvable);
    if (kind == "timeout") {
        world.https_delay = seconds{60};
        return world.https_fails(Reason::fetch_timeout);
    }
    throw NotUnderstood("https kind " + kind);
}

struct Reply {
    std::string answer;
    std::vector<std::string> mx;
};

Reply read_reply(const std::string& reply) {
    if (reply.starts_with("NOTFOUND ")) return {"none", {}};
    if (reply.starts_with("TEMP ")) return {"temp", {}};
    if (reply.starts_with("OK dane-only")) return {"dane-only", {}};
    if (!reply.starts_with("OK secure match=")) return {reply, {}};
    Reply read{"secure", {}};
    std::string match = reply.substr(std::string_view("OK secure match=").size());
    match.resize(std::min(match.size(), match.find(' ')));
    for (std::size_t at = 0; at <= match.size();) {
        const std::size_t end = std::min(match.find(':', at), match.size());
        std::string name = match.substr(at, end - at);
        read.mx.push_back(name.starts_with('.') ? "*" + name : name);
        at = end + 1;
    }
    return read;
}

bool within(const json& limit, std::size_t count) {
    if (limit.is_number()) return count == limit.get<std::size_t>();
    return (!limit.contains("max") || count <= limit.at("max").get<std::size_t>()) &&
           (!limit.contains("min") || count >= limit.at("min").get<std::size_t>());
}

/// The result of one step.
struct Seen {
    std::vector<std::string> replies;
    std::size_t gets = 0, questions = 0;
    std::string log;
};

/// Returns "" when `seen` is what `expect` says, else the difference.
std::string difference(const json& expect, const Seen& seen) {
    for (const std::string& text : seen.replies) {
        const Reply reply = read_reply(text);
        if (reply.answer != expect.at("answer").get<std::string>()) return "answered: " + text;
        if (expect.contains("mx") && reply.mx != expect.at("mx").get<std::vector<std::string>>())
            return "answered: " + text;
    }
    if (expect.contains("http_fetches") && !within(expect.at("http_fetches"), seen.gets))
        return "GETs: " + std::to_string(seen.gets);
    if (expect.contains("dns_queries") && !within(expect.at("dns_queries"), seen.questions))
        return "DNS questions: " + std::to_string(seen.questions);
    if (expect.contains("tlsrpt")) {
        // The report's result type follows from the reason in the log.
        for (unsigned r = 0; r <= static_cast<unsigned>(Reason::key_not_a_domain); ++r) {
            const auto reason = static_cast<Reason>(r);
            if (base::tlsrpt_result(reason) == expect.at("tlsrpt").get<std::string>() &&
                seen.log.find("reason=" + std::string(base::to_string(reason)) + " ") != std::string::npos)
                return "";
        }
        return "no reason in the log reports as " + expect.at("tlsrpt").get<std::string>() + ": " + seen.log;
    }
    return "";
}

class Scenario {
public:
    explicit Scenario(const json& vector)
        : vector_(vector), config_(vector.value("config", json::object())), world_(tuning(config_)) {}

    /// Returns "" when every step had the expected result.
    std::string run() {
        const json& steps = vector_.at("steps");
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const std::optional<long> next =
                i + 1 < steps.size() ? std::optional{steps[i + 1].at("t").get<long>()} : std::nullopt;
            if (std::string wrong = step(steps[i], next); !wrong.empty())
                return "t=" + std::to_string(steps[i].at("t").get<long>()) + ": " + wrong;
        }
        for (const char* limit : {"http_fetches_total_max", "max_http_fetches"})
            if (config_.contains(limit) && world_.gets() > config_.at(limit).get<std::size_t>())
                return "GETs in all: " + std::to_string(world_.gets());
        return "";
    }

private:
    static cache::Tuning tuning(const json& config) {
        cache::Tuning tuning;
        const std::string refresh = config.value("proactive_refresh", "daily");
        if (refresh != "off" && refresh != "daily") throw NotUnderstood("proactive_refresh " + refresh);
        tuning.daily_refresh = refresh == "daily";
        tuning.enforce_testing = config.value("strict_testing", false);
        tuning.dane.active = config.value("dane", false);
        return tuning;
    }

    std::string step(const json& step, std::optional<long> next_t) {
        const std::size_t gets_before_step = world_.gets();
        world_.pass_to(seconds{step.at("t").get<long>()});
        if (step.contains("http_fetches_before") &&
            !within(step.at("http_fetches_before"), world_.gets() - gets_before_step))
            return "GETs before: " + std::to_string(world_.gets() - gets_before_step);
        if (step.contains("world")) change_world(step);
        const std::string action = step.value("action", "query");
        if (action == "world") return "";
        if (action == "restart") return world_.restart(), "";
        if (action == "kill9") return world_.kill(), "";
        if (action == "corrupt_cache") return world_.restart_with_damaged_store(), "";
        if (action == "clock_jump") return world_.time.jump(seconds{step.at("seconds").get<long>()}), "";
        if (action != "query") throw NotUnderstood("action " + action);
        return query(step, next_t);
    }

    void change_world(const json& step) {
        const json& change = step.at("world");
        if (step.contains("world_for"))
            domain_ = step.at("world_for");
        else if (step.contains("query"))
            domain_ = world_key(step.at("query"));
        test::DomainWorld& world = world_.at(domain_);
        if (change.contains("txt")) set_txt(world, change.at("txt"));
        if (change.contains("https")) set_https(world, change.at("https"));
        if (change.contains("dane")) set_dane(change.at("dane"));
    }

    /// The states that a vector may name, and the words for them.
    void set_dane(const std::string& dane) {
        const auto says = [&](std::initializer_list<std::string_view> words) {
            return std::ranges::any_of(words,
                                       [&](std::string_view w) { return dane.find(w) != std::string::npos; });
        };
        const std::string host = "mail." + domain_;
        const auto with = [&](const std::string& tlsa) { world_.signed_mx(domain_, host, tlsa); };
        const std::string usable = test::LookupWorld::usable_tlsa();
        if (says({"unusable"})) return with(std::string("\x00\x01\x01", 3) + std::string(32, 'h')); // usage 0
        if (says({"fail", "timeout", "temp", "bogus"})) {
            with(usable);
            world_.dns.insert_or_assign({"_25._tcp." + host, dns::Type::tlsa},
                                        dns::failed(Reason::dns_servfail));
        } else if (says({"partial", "some"})) {
            const std::string other = "mail2." + domain_;
            world_.signed_mx(domain_, other, "");
            with(usable);
            world_.dns.at({domain_, dns::Type::mx})->records.push_back(dns::to_record({20, other}));
        } else if (says({"unsigned", "insecure"})) {
            with(usable);
            world_.dns.at({domain_, dns::Type::mx})->worth = dns::Worth::insecure;
        } else if (says({"usable", "all", "wrong", "mismatch"})) {
            with(usable);
        } else if (says({"none", "absent", "no"})) {
            with("");
        } else {
            throw NotUnderstood("dane " + dane);
        }
    }

    /// The policy domain of a query, if it has one.
    static std::string world_key(const std::string& key) {
        const auto domain = postfix::policy_domain(key);
        return domain ? domain->name() : "example.com";
    }

    std::string query(const json& step, std::optional<long> next_t) {
        const std::size_t gets = world_.gets(), questions = world_.txt_questions(),
                          lines = world_.log.lines().size();
        const std::string key = step.at("query");
        const auto look = [&] {
            Seen seen;
            seen.replies = world_.ask_many(key, step.value("concurrent", std::size_t{1}));
            seen.gets = world_.gets() - gets;
            seen.questions = world_.txt_questions() - questions;
            const auto log = world_.log.lines();
            for (std::size_t i = lines; i < log.size(); ++i) seen.log += log[i] + " \n";
            return seen;
        };
        Seen seen = look();
        std::string wrong = judge(step, seen);
        if (!wrong.empty() && step.value("async_ok", false)) {
            // During a background fetch the previous answer is allowed once; ask again 30 s later, before the
            // next step.
            milliseconds again = world_.time.passed() + seconds{30};
            if (next_t) again = std::min<milliseconds>(again, seconds{*next_t} - milliseconds{1});
            world_.pass_to(again);
            seen = look();
            wrong = judge(step, seen);
        }
        return wrong;
    }

    static std::string judge(const json& step, const Seen& seen) {
        std::string first;
        for (const json& expect : outcomes(step)) {
            const std::string wrong = difference(expect, seen);
            if (wrong.empty()) return "";
            if (first.empty()) first = "expected " + expect.dump() + ", " + wrong;
        }
        return first;
    }

    const json& vector_;
    json config_;
    test::LookupWorld world_;
    std::string domain_ = "example.com"; ///< whose world changes next
};

} // namespace

void run_scenario(const json& all, Report& report) {
    for (const json& vector : all) {
        std::string wrong;
        try {
            wrong = Scenario{vector}.run();
        } catch (const std::exception& e) {
            wrong = std::string("cannot be run: ") + e.what();
        }
        if (wrong.empty())
            report.pass(vector);
        else
            report.fail(vector, wrong);
    }
}

} // namespace vectors
