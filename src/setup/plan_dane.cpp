#include "setup/plan_dane.hpp"

namespace setup {
namespace {

using Kind = Remark::Kind;

void remark(Plan& plan, Kind kind, std::string about, std::string words, std::string fix = {}) {
    plan.remarks.push_back({kind, std::move(about), std::move(words), std::move(fix)});
}

void change(Plan& plan, const Installed& postfix, std::string name, std::string after, std::string why,
            bool needed) {
    plan.changes.push_back({name, postfix.written(name), std::move(after), std::move(why), needed});
}

} // namespace

void plan_dane(const Installed& postfix, const Surroundings& around, Plan& plan) {
    using Dane = Surroundings::Dane;
    const std::string name = "smtp_dns_support_level";
    if (postfix.value(name) == "dnssec" || around.dane == Dane::off) return;
    if (around.dane == Dane::active) {
        change(plan, postfix, name, "dnssec",
               "the resolver validates DNSSEC, so stsmapd answers dane-only for domains whose mail hosts all "
               "have "
               "DANE; without this Postfix defers their mail",
               true);
        return;
    }
    const std::string why = around.dane_why.empty() ? "" : " (" + around.dane_why + ")";
    remark(plan, Kind::note, name,
           around.dane == Dane::inactive
               ? "left alone: the resolver is not known to validate DNSSEC" + why +
                     ", so stsmapd looks for no DANE. Once a validating resolver is there: postconf -e '" +
                     name + " = dnssec' before stsmapd is restarted or reloaded"
               : "left alone: whether the resolver validates DNSSEC is not known" + why +
                     ". Where it does: postconf -e '" + name +
                     " = dnssec', or dane = \"off\" in stsmapd.toml");
}

} // namespace setup
