// The mail hosts: names, addresses, STARTTLS, certificates.
#include "tool/check/judge_parts.hpp"

#include "base/spelling.hpp"
#include "base/text.hpp"
#include "tool/check/mail_host.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace check {
namespace {

std::string shown(std::string_view text, std::size_t limit = 260) { return base::printable(text, limit); }

/// What may have been meant by a policy that does not cover this host; "" nothing is near.
std::string near_pattern(const std::vector<sts::MxPattern>& patterns, const std::string& host) {
    for (const sts::MxPattern& pattern : patterns) {
        const std::string text = (pattern.wildcard ? "*." : "") + pattern.name;
        if (pattern.wildcard && host == pattern.name)
            return text + " does not cover " + shown(host) + " itself: write mx: " + shown(host);
        if (host.ends_with('.' + pattern.name))
            return pattern.wildcard ? text + " covers one label in front, and this name has more"
                                    : text + " is one host, not all names below it: write mx: *." + pattern.name;
    }
    std::vector<std::string_view> names;
    for (const sts::MxPattern& pattern : patterns)
        if (!pattern.wildcard) names.emplace_back(pattern.name);
    const std::string_view near = base::nearest(host, names);
    // Hosts of one domain look alike, and mx1 is not a misspelt mx2.
    constexpr std::size_t most_wrong = 2;
    const std::size_t wrong = near.empty() ? most_wrong + 1 : base::edit_distance(near, host);
    const bool another = wrong == 1 && near.size() == host.size();
    return wrong > most_wrong || another ? std::string{} : "is mx: " + std::string(near) + " this host, misspelt?";
}

/// Why a name of the certificate does not do although it looks alike; "" none does.
std::string near_name(const smtp::Certificate& own, const Mx& mx) {
    for (const std::string& name : own.dns_names) {
        const std::string shown_name = shown(name, 100);
        if (name.ends_with('.') && base::iequals(std::string_view(name).substr(0, name.size() - 1), mx.host))
            return "a name with a final dot matches nothing: " + shown_name;
        if (name.starts_with("*.")) {
            const std::string_view below = std::string_view(name).substr(2);
            if (base::iequals(below, mx.host)) return shown_name + " does not cover " + shown(mx.host) + " itself";
            if (base::ascii_lower(mx.host).ends_with('.' + base::ascii_lower(below)))
                return shown_name + " covers one label in front, and this name has more";
        } else if (name.find('*') != std::string::npos) {
            return shown_name + ": a wildcard must be the whole first label";
        }
        for (const Looked* looked : {&mx.a, &mx.aaaa})
            if (is_alias(*looked) && base::iequals(name, looked->canonical))
                return shown_name + " is where the CNAME leads; what counts is the name in the MX record";
    }
    return {};
}

/// One run over all hosts.
class MxJudge {
public:
    MxJudge(const Part& part, Findings& found)
        : part_(part), evidence_(part.evidence), found_(found),
          asked_for_(part.learnt.text && part.learnt.text->policy.mode != sts::Mode::none) {}

    void judge() {
        domain();
        if (asked_for_) admission();
        for (std::size_t i = 0; i < evidence_.mx.size(); ++i) one(evidence_.mx[i], part_.hosts[i]);
        if (evidence_.port_25_closed) add("mx-port-25-closed", {});
    }

private:
    void add(std::string_view id, std::string about, std::string words = {}, std::string hint = {}) {
        found_.push_back(finding(id, std::move(about), std::move(words), std::move(hint)));
    }

    void domain() {
        if (!evidence_.mx_looked) return;
        const Looked& looked = *evidence_.mx_looked;
        if (!looked.reason.empty()) return add("dns-mx-failed", looked.name, "the lookup failed" + why_not(looked));
        if (looked.kind == "nxdomain") return add("dns-no-domain", looked.name);
        if (evidence_.null_mx) return add("dns-null-mx", looked.name);
        if (looked.kind == "nodata") add("dns-no-mx", looked.name);
    }

    void admission() {
        const auto is_stranger = [](const HostResult& host) { return host.admitted_by.empty(); };
        const auto strangers = std::ranges::count_if(part_.hosts, is_stranger);
        if (strangers == 0) return;
        if (strangers == static_cast<std::ptrdiff_t>(part_.hosts.size())) {
            std::string names;
            constexpr std::size_t most = 5;
            for (std::size_t i = 0; i < part_.hosts.size() && i < most; ++i)
                names += (i == 0 ? "" : ", ") + shown(part_.hosts[i].host);
            if (part_.hosts.size() > most)
                names += " and " + std::to_string(part_.hosts.size() - most) + " more";
            add("mx-none-admitted", evidence_.domain, "they are " + names,
                near_pattern(part_.learnt.text->policy.mx, part_.hosts.front().host));
        } else {
            for (const HostResult& host : part_.hosts)
                if (is_stranger(host))
                    add("mx-not-admitted", host.host, {},
                        near_pattern(part_.learnt.text->policy.mx, host.host));
        }
        if (part_.demand.patterns.empty() && part_.demand.level == "secure")
            add("mx-not-compared", evidence_.domain,
                "Postfix " + shown(part_.postfix.version_text, 40) + " with the map's form " +
                    shown(part_.postfix.map, 40));
    }

    void one(const Mx& mx, const HostResult& result) {
        if (is_alias(mx.a) || is_alias(mx.aaaa))
            add("mx-alias", mx.host,
                "it leads to " + shown(is_alias(mx.a) ? mx.a.canonical : mx.aaaa.canonical));
        if (mx.addresses.empty()) {
            const bool failed = !mx.a.reason.empty() || !mx.aaaa.reason.empty();
            if (failed)
                add("mx-dns-failed", mx.host,
                    "the lookup failed" + why_not(mx.a.reason.empty() ? mx.aaaa : mx.a));
            else
                add("mx-no-address", mx.host, mx.a.kind == "nxdomain" ? "the name does not exist" : "");
            return;
        }
        if (!result.in_reach) add("mx-out-of-reach", mx.host);
        if (!asked_for_ && result.outcome == Outcome::waits) add("mx-not-ready", mx.host, result.words);
        std::set<std::string> seen; // certificates
        bool any = false;
        for (const MxAddress& address : mx.addresses) {
            if (!address.sighting) continue;
            any = true;
            sighting(mx, *address.sighting, seen);
        }
        if (any || evidence_.port_25_closed || result.refused_name) return;
        add("mx-not-looked-at", mx.host, skipped_words(mx.addresses.front()));
    }

    void sighting(const Mx& mx, const smtp::Sighting& sighting, std::set<std::string>& seen) {
        if (const std::string_view id = trouble_id(sighting); !id.empty()) {
            const bool note = !asked_for_ && findings::found(id).row->severity == findings::Severity::error;
            if (!note) add(id, mx.host, trouble_words(sighting));
            return;
        }
        const smtp::Tls& tls = *sighting.tls;
        if (tls.version == "TLSv1" || tls.version == "TLSv1.1" || tls.version == "TLSv1.0")
            add("mx-tls-old", mx.host, sighting.address + " has " + shown(tls.version, 20));
        if (tls.chain.empty() || !seen.insert(tls.chain.front().sha256).second) return;
        certificate(mx, tls, sighting.at);
    }

    void certificate(const Mx& mx, const smtp::Tls& tls, base::Instant at) {
        const smtp::Certificate& own = tls.chain.front();
        const bool expired = own.not_after < at || own.not_before > at;
        const bool named = is_for(own, mx.host);
        if (asked_for_) {
            if (expired)
                add("mx-certificate-expired", mx.host, end_of(own, at));
            else if (!tls.trusted)
                add("mx-certificate-untrusted", mx.host, distrust(tls));
            if (!named) add("mx-certificate-name", mx.host, names_of(own), near_name(own, mx));
        }
        if (named && own.dns_names.empty()) add("mx-certificate-common-name", mx.host, names_of(own));
        if (!expired && own.not_after - at < ends_soon) add("mx-certificate-ends", mx.host, end_of(own, at));
    }

    const Part& part_;
    const Evidence& evidence_;
    Findings& found_;
    bool asked_for_; ///< a policy asks for good certificates
};

} // namespace

void judge_mx(const Part& part, Findings& found) { MxJudge(part, found).judge(); }

} // namespace check
