#include "tool/explain/document.hpp"

#include "tool/client/control_text.hpp"
#include "tool/explain/reader.hpp"
#include "tool/show/times.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace explain {
namespace {

std::optional<std::string> schema_problem(const Json& document) {
    if (!document.is_object()) return "not an object";
    const auto schema = document.find("schema");
    if (schema == document.end()) return "schema: missing";
    if (!schema->is_number_integer() || *schema != 1) return "schema: not 1; another version wrote this";
    return std::nullopt;
}

Source read_source(const Reader& in) {
    return {in.text_or("address"), in.text_or("tls"), in.text_or("issuer"), in.time_if("certificate_ends")};
}

Policy read_policy(const Reader& in) {
    Policy policy;
    policy.mode = in.word("mode", {"enforce", "testing", "none"});
    policy.mx = in.texts("mx");
    policy.max_age = seconds{in.number("max_age_s")};
    policy.fetched_at = in.time("fetched_at");
    policy.expires_at = in.time("expires_at");
    policy.expired = in.flag_or("expired", false);
    if (in.has("source")) policy.source = read_source(in.object("source"));
    return policy;
}

Get read_get(const Reader& in) {
    return {in.time_if("last_at"), in.time_if("next_at"), in.number_or("failures", 0),
            in.text_or("reason"),  in.text_or("detail"),  in.text_or("failed_id")};
}

Dane read_dane(const Reader& in) {
    return {in.word("verdict", {"dane-only", "sts", "unknown"}), in.time_if("checked_at"),
            in.time_if("proven_at"), in.time_if("failed_since"), in.text_or("why")};
}

Override read_override(const Reader& in) {
    Override made;
    made.domain = in.text("domain");
    made.action = in.word("action", {"off", "observe", "may", "encrypt", "secure", "dane-only"});
    made.reason = in.text_or("reason");
    made.source = in.text_or("source");
    made.added_by = in.text_or("added_by");
    made.hides = in.text_or("hides");
    made.match = in.texts("match");
    made.until = in.time_if("until");
    made.added_at = in.time_if("added_at");
    made.weakens = in.flag_or("weakens", false);
    made.applies = in.flag_or("applies", true);
    return made;
}

Event read_event(const Reader& in) {
    Event event;
    event.event = in.text("event");
    event.text = in.text_or("text");
    event.first = in.time("first");
    event.last = in.time("last");
    event.times = in.number_or("times", 1);
    return event;
}

Daemon read_daemon(const Reader& in) {
    Daemon made;
    made.next_hop = in.text("next_hop");
    made.domain = in.text_or("domain");
    made.now = in.time("now");
    const Reader daemon = in.object("daemon");
    made.version = daemon.text("version");
    made.mode = daemon.word("mode", {"enforce", "observe"});
    made.dane_state = daemon.text("dane");
    made.answer = in.word("answer", {"secure", "dane-only", "notfound", "temp", "may", "encrypt"});
    const Reader replies = in.object("replies");
    made.plain = replies.text("sts");
    made.tlsrpt = replies.text("sts-tlsrpt");
    made.rule = in.text("rule");
    for (const Reader& rule : in.objects("rules")) {
        std::string reason = rule.text_or("reason");
        if (reason == "none") reason.clear();
        made.rules.push_back({rule.text("rule"), std::move(reason), rule.text_or("evidence")});
    }
    made.hidden = in.text_or("hidden");
    made.reason = in.text_or("reason");
    made.known = in.word("known", {"policy", "absence", "nothing"});
    if (in.has("policy")) made.policy = read_policy(in.object("policy"));
    made.protected_since = in.time_if("protected_since");
    if (in.has("absence")) {
        const Reader absence = in.object("absence");
        made.absence = {absence.text_or("reason"), absence.time_if("until"), absence.time_if("since")};
    }
    if (in.has("txt")) {
        const Reader txt = in.object("txt");
        made.txt = {txt.text_or("id"), txt.time_if("checked_at"), txt.time_if("next_check_at")};
    }
    if (in.has("get")) made.get = read_get(in.object("get"));
    if (in.has("dane")) made.dane = read_dane(in.object("dane"));
    if (in.has("override")) made.exception = read_override(in.object("override"));
    made.last_asked = in.time_if("last_asked");
    for (const Reader& event : in.objects("events")) made.events.push_back(read_event(event));
    return made;
}

Live read_live(const Reader& in) {
    Live live;
    if (in.has("txt")) {
        const Reader txt = in.object("txt");
        live.txt_id = txt.text_or("id");
        live.txt_reason = txt.text_or("reason");
        live.txt_detail = txt.text_or("detail");
    }
    live.mx_known = in.has("mx");
    live.mx_reason = in.text_or("mx_reason");
    live.mx_detail = in.text_or("mx_detail");
    const std::vector<Reader> hosts = in.objects("mx");
    if (hosts.size() > max_hosts) in.fail("mx", "too long");
    for (const Reader& host : hosts) {
        if (live.mx.size() == max_hosts) break;
        MxHost made;
        made.host = host.text("host");
        made.preference = static_cast<int>(std::min<std::int64_t>(host.number("preference"), 65535));
        made.addresses = host.texts("addresses");
        made.no_address = host.flag_or("no_address", false);
        live.mx.push_back(std::move(made));
    }
    live.took_ms = in.number_or("took_ms", 0);
    return live;
}

constexpr std::array<std::pair<Found::Kind, std::string_view>, 5> kinds_of_found{{
    {Found::Kind::hosts, "hosts"},
    {Found::Kind::fails, "fails"},
    {Found::Kind::absent, "absent"},
    {Found::Kind::no_mail, "no-mail"},
    {Found::Kind::unknown, "unknown"},
}};

Found read_found(const Reader& in) {
    Found made;
    const std::string kind = in.word("kind", {"hosts", "fails", "absent", "no-mail", "unknown"});
    for (const auto& [value, name] : kinds_of_found)
        if (name == kind) made.kind = value;
    made.words = in.text_or("words");
    return made;
}

void put(Json& object, const char* name, const std::string& text) {
    if (!text.empty()) object[name] = text;
}

Json to_json(const Live& live) {
    Json made = Json::object();
    Json txt = Json::object();
    put(txt, "id", live.txt_id);
    put(txt, "reason", live.txt_reason);
    put(txt, "detail", live.txt_detail);
    if (!txt.empty()) made["txt"] = std::move(txt);
    if (live.mx_known) {
        made["mx"] = Json::array();
        for (const MxHost& host : live.mx) {
            Json one{{"host", host.host}, {"preference", host.preference}};
            put(one, "admitted_by", host.admitted_by);
            if (!host.addresses.empty()) one["addresses"] = host.addresses;
            if (host.no_address) one["no_address"] = true;
            made["mx"].push_back(std::move(one));
        }
    }
    put(made, "mx_reason", live.mx_reason);
    put(made, "mx_detail", live.mx_detail);
    made["took_ms"] = live.took_ms;
    return made;
}

Json to_json(const Verdict& verdict) {
    Json made = Json::object();
    if (verdict.prediction) {
        const Prediction& prediction = *verdict.prediction;
        made["mail"] = to_string(prediction.mail);
        put(made, "condition", prediction.condition);
        made["level"] = prediction.level;
        made["level_from"] = prediction.from;
        made["postfix"] = prediction.words;
        if (prediction.mail != Mail::flows) made["deferred"] = prediction.deferred;
        if (!prediction.hosts.empty()) made["hosts"] = prediction.hosts;
        if (!prediction.names.empty()) made["names"] = prediction.names;
        if (!prediction.notes.empty()) made["notes"] = prediction.notes;
    }
    made["words"] = verdict.words;
    made["do"] = verdict.todo;
    made["delays"] = Json::array();
    for (const Delay& delay : verdict.delays)
        made["delays"].push_back(
            {{"what", delay.what}, {"at_most_s", delay.at_most.count()}, {"words", delay.words}});
    made["command"] = verdict.command;
    return made;
}

} // namespace

Postfix read_postfix(const Reader& in) {
    Postfix made;
    made.trouble = in.text_or("trouble");
    made.version_text = in.text_or("version");
    if (!made.version_text.empty()) {
        const auto version = setup::parse_version(made.version_text);
        if (!version) in.fail("version", "not a version like 3.10.5");
        made.version = version.value_or(setup::Version{});
    }
    made.map = in.text_or("map");
    made.service = in.text_or("service");
    made.level = in.text_or("level", made.level);
    made.dnssec = in.flag_or("dnssec", made.dnssec);
    made.enforces_patterns = in.flag_or("enforces_patterns", made.enforces_patterns);
    made.trusts_some_ca = in.flag_or("trusts_some_ca", made.trusts_some_ca);
    if (in.has("secure_match")) made.secure_match = in.texts("secure_match");
    if (in.has("verify_match")) made.verify_match = in.texts("verify_match");
    made.relayhost = in.text_or("relayhost");
    made.fallback_relay = in.text_or("fallback_relay");
    made.trust_anchor_file = in.text_or("trust_anchor_file");
    made.earlier_table = in.text_or("earlier_table");
    made.earlier_reply = in.text_or("earlier_reply");
    made.unreached = in.text_or("unreached");
    made.unread_tables = in.texts("unread_tables");
    made.session_cache = seconds{in.number_or("session_cache_s", 0)};
    made.connection_reuse = seconds{in.number_or("connection_reuse_s", 0)};
    made.minimal_backoff = seconds{in.number_or("minimal_backoff_s", made.minimal_backoff.count())};
    made.maximal_backoff = seconds{in.number_or("maximal_backoff_s", made.maximal_backoff.count())};
    if (in.has("mail_hosts")) made.found = read_found(in.object("mail_hosts"));
    made.soft_bounce = in.flag_or("soft_bounce", false);
    made.mx_address_limit = static_cast<std::size_t>(
        in.number_or("mx_address_limit", static_cast<std::int64_t>(made.mx_address_limit)));
    for (const Reader& detour : in.objects("detours"))
        made.detours.push_back({detour.text("parameter"), detour.text_or("result")});
    made.assumed = in.flag_or("assumed", false);
    return made;
}

Smtp read_smtp(const Reader& in) {
    const std::initializer_list<std::string_view> outcomes{"verified", "unprotected", "waits", "returned",
                                                           "unknown"};
    Smtp made;
    made.at = in.time("at");
    made.outcome = in.word("outcome", outcomes);
    made.deferred = in.texts("deferred");
    made.words = in.text_or("words");
    const std::vector<Reader> hosts = in.objects("hosts");
    if (hosts.size() > max_hosts) in.fail("hosts", "too long");
    for (const Reader& host : hosts) {
        if (made.hosts.size() == max_hosts) break;
        made.hosts.push_back({host.text("host"), host.word("outcome", outcomes), host.text_or("words")});
    }
    return made;
}

Json to_json(const Smtp& smtp) {
    Json made{{"at", tool::utc_text(smtp.at)}, {"outcome", smtp.outcome}};
    if (!smtp.deferred.empty()) made["deferred"] = smtp.deferred;
    put(made, "words", smtp.words);
    made["hosts"] = Json::array();
    for (const Probed& host : smtp.hosts) {
        Json one{{"host", host.host}, {"outcome", host.outcome}};
        put(one, "words", host.words);
        made["hosts"].push_back(std::move(one));
    }
    return made;
}

Json to_json(const Postfix& postfix) {
    Json made = Json::object();
    put(made, "trouble", postfix.trouble);
    put(made, "version", postfix.version_text);
    put(made, "map", postfix.map);
    put(made, "service", postfix.service);
    made["level"] = postfix.level;
    made["dnssec"] = postfix.dnssec;
    made["enforces_patterns"] = postfix.enforces_patterns;
    made["trusts_some_ca"] = postfix.trusts_some_ca;
    made["secure_match"] = postfix.secure_match;
    made["verify_match"] = postfix.verify_match;
    put(made, "relayhost", postfix.relayhost);
    put(made, "fallback_relay", postfix.fallback_relay);
    put(made, "trust_anchor_file", postfix.trust_anchor_file);
    put(made, "earlier_table", postfix.earlier_table);
    put(made, "earlier_reply", postfix.earlier_reply);
    put(made, "unreached", postfix.unreached);
    if (!postfix.unread_tables.empty()) made["unread_tables"] = postfix.unread_tables;
    made["session_cache_s"] = postfix.session_cache.count();
    made["connection_reuse_s"] = postfix.connection_reuse.count();
    made["minimal_backoff_s"] = postfix.minimal_backoff.count();
    made["maximal_backoff_s"] = postfix.maximal_backoff.count();
    if (postfix.found) {
        made["mail_hosts"] = {
            {"kind", std::ranges::find(kinds_of_found, postfix.found->kind, [](const auto& each) {
                         return each.first;
                     })->second}};
        put(made["mail_hosts"], "words", postfix.found->words);
    }
    if (postfix.soft_bounce) made["soft_bounce"] = true;
    if (postfix.mx_address_limit != Postfix{}.mx_address_limit)
        made["mx_address_limit"] = postfix.mx_address_limit;
    for (const Detour& detour : postfix.detours) {
        Json one{{"parameter", detour.parameter}};
        put(one, "result", detour.result);
        made["detours"].push_back(std::move(one));
    }
    if (postfix.assumed) made["assumed"] = true;
    return made;
}

base::Expected<Json, DocumentError> parse_document(std::string_view text) {
    if (text.size() > max_document)
        return base::unexpected("longer than " + std::to_string(max_document) + " octets");
    return tool::parse_object(text);
}

base::Expected<Daemon, DocumentError> read_daemon(const Json& document) {
    if (auto problem = schema_problem(document)) return base::unexpected(std::move(*problem));
    std::string problem;
    Daemon made = read_daemon(Reader(document, "", problem));
    if (!problem.empty()) return base::unexpected(std::move(problem));
    return made;
}

base::Expected<Evidence, DocumentError> read_evidence(const Json& document) {
    if (auto wrong = schema_problem(document)) return base::unexpected(std::move(*wrong));
    std::string problem;
    const Reader in(document, "", problem);
    Evidence made;
    made.asked = in.text("asked");
    made.at = in.time("at");
    const Reader daemon = in.object("daemon");
    if (daemon.has("error")) {
        made.daemon_error = daemon.text("error");
    } else if (problem.empty()) {
        made.daemon = read_daemon(daemon);
        made.daemon_document = document["daemon"];
    }
    if (in.has("live")) made.live = read_live(in.object("live"));
    made.postfix = read_postfix(in.object("postfix"));
    if (in.has("smtp")) made.smtp = read_smtp(in.object("smtp"));
    if (!problem.empty()) return base::unexpected(std::move(problem));
    return made;
}

Json to_json(const Evidence& evidence, const Verdict& verdict) {
    Json made{{"schema", 1}, {"asked", evidence.asked}, {"at", tool::utc_text(evidence.at)}};
    made["daemon"] = evidence.daemon ? evidence.daemon_document : Json{{"error", evidence.daemon_error}};
    if (evidence.live) made["live"] = to_json(*evidence.live);
    made["postfix"] = to_json(evidence.postfix);
    if (evidence.smtp) made["smtp"] = to_json(*evidence.smtp);
    made["verdict"] = to_json(verdict);
    return made;
}

} // namespace explain
