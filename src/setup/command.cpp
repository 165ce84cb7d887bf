#include "setup/command.hpp"

#include "setup/undo.hpp"

#include <openssl/evp.h>

#include <array>
#include <ostream>

namespace setup {
namespace {

std::string sha256(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) return {};
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (unsigned i = 0; i < length; ++i) {
        hex += digits[digest[i] >> 4];
        hex += digits[digest[i] & 15];
    }
    return hex;
}

/// One run of the command.
class Run {
public:
    Run(const CommandOptions& options, Host& host, std::ostream& out, std::ostream& err)
        : options_(options), host_(host), out_(out), err_(err) {}

    Exit start();

private:
    Exit show(const Plan& plan);
    Exit apply(const Plan& plan);
    Exit undo();
    Exit reload();
    Exit failed(const std::string& words);
    void print(const Plan& plan);
    void print_commands(const std::vector<Undo::Step>& steps, bool with_reload);
    bool edit(const std::vector<Undo::Step>& steps);
    void take_back_record();
    bool read_files();

    [[nodiscard]] std::string record_file() const {
        return std::string(survey_.main_cf).append(record_suffix);
    }
    [[nodiscard]] std::string copy_file() const { return std::string(survey_.main_cf).append(copy_suffix); }
    [[nodiscard]] const std::string& folder() const { return options_.survey.config_directory; }
    [[nodiscard]] std::string reload_command() const {
        return "postfix " + (folder().empty() ? "" : "-c " + shell_quoted(folder()) + ' ') + "reload";
    }

    const CommandOptions& options_;
    Host& host_;
    std::ostream& out_;
    std::ostream& err_;
    Survey survey_;
    std::string main_cf_; ///< its content
    std::optional<Record> record_;
};

std::vector<Undo::Step> steps_of(const std::vector<Change>& changes) {
    std::vector<Undo::Step> steps;
    for (const Change& change : changes) steps.push_back({change.name, change.after});
    return steps;
}

Exit Run::failed(const std::string& words) {
    err_ << "stsmap: " << words << '\n';
    return Exit::refused;
}

bool Run::read_files() {
    auto main_cf = host_.read(survey_.main_cf);
    auto record = host_.read(record_file());
    if (!main_cf || !*main_cf || !record) {
        failed(!main_cf ? main_cf.error() : !record ? record.error() : survey_.main_cf + " is not there");
        return false;
    }
    main_cf_ = std::move(**main_cf);
    if (!*record) return true;
    record_ = parse_record(**record);
    if (!record_) failed(record_file() + " is damaged: move it away, then this command goes without it");
    return record_.has_value();
}

void Run::print(const Plan& plan) {
    out_ << "Postfix " << survey_.postfix.version_text << ", " << survey_.main_cf << '\n';
    for (const Change& change : plan.changes) {
        out_ << "\n  " << change.name << " = " << change.after << '\n';
        out_ << "      now: "
             << (!change.before           ? "not set"
                 : change.before->empty() ? "empty"
                                          : *change.before);
        out_ << "\n      why: " << change.why << '\n';
    }
    for (const Remark& remark : plan.remarks) {
        const char* kind = remark.kind == Remark::Kind::note      ? "note"
                           : remark.kind == Remark::Kind::warning ? "warning"
                                                                  : "refused";
        out_ << '\n' << kind << ": " << remark.words << '\n';
        if (!remark.fix.empty()) out_ << "    fix: " << remark.fix << '\n';
    }
    out_ << '\n';
}

void Run::print_commands(const std::vector<Undo::Step>& steps, bool with_reload) {
    for (const Undo::Step& step : steps)
        out_ << "    " << command_for(step.name, step.value, folder()) << '\n';
    if (with_reload) out_ << "    " << reload_command() << '\n';
}

Exit Run::show(const Plan& plan) {
    print(plan);
    if (plan.refused()) {
        out_ << "Nothing is changed, for the reason after \"refused\".\n";
        return Exit::refused;
    }
    if (plan.changes.empty()) {
        out_ << "Nothing to change.\n";
        return Exit::done;
    }
    out_ << "Nothing has been changed yet. \"stsmap postfix-setup --apply\" does it, as do these commands:\n";
    print_commands(steps_of(plan.changes), true);
    return Exit::done;
}

/// postconf -e for all that get a value, in one edit; then postconf -X.
bool Run::edit(const std::vector<Undo::Step>& steps) {
    std::vector<std::string> set{"-e"}, unset{"-X"};
    for (const Undo::Step& step : steps)
        if (step.value)
            set.push_back(step.name + " = " + *step.value);
        else
            unset.push_back(step.name);
    for (std::vector<std::string>& arguments : {std::ref(set), std::ref(unset)}) {
        if (arguments.size() == 1) continue;
        auto ran = host_.run(postfix_command("postconf", folder(), arguments));
        if (ran && ran->status == 0) continue;
        failed(ran ? "postconf failed: " + ran->err : ran.error());
        return false;
    }
    return true;
}

/// After a change that was not made: the files are again what they were.
void Run::take_back_record() {
    if (record_) {
        (void)host_.write(record_file(), format_record(*record_), survey_.main_cf);
        return;
    }
    host_.remove(record_file());
    host_.remove(copy_file());
}

Exit Run::reload() {
    auto ran = host_.run(postfix_command("postfix", folder(), {"reload"}));
    if (!ran || ran->status != 0) return failed(ran ? "postfix reload failed: " + ran->err : ran.error());
    out_ << "Postfix has been reloaded.\n";
    return Exit::done;
}

Exit Run::apply(const Plan& plan) {
    if (plan.refused() || plan.changes.empty()) return show(plan);
    if (!read_files()) return Exit::refused;
    print(plan);
    Record record = next_record(record_, plan.changes, sha256(main_cf_));
    if (record.has_copy && !record_)
        if (auto written = host_.write(copy_file(), main_cf_, survey_.main_cf); !written)
            return failed(written.error());
    // Written before the edit, so that there is a way back whatever happens; and once more with the digest.
    if (auto written = host_.write(record_file(), format_record(record), survey_.main_cf); !written)
        return failed(written.error());
    if (!edit(steps_of(plan.changes))) {
        take_back_record();
        return Exit::refused;
    }
    if (auto now = host_.read(survey_.main_cf); now && *now) record.digest = sha256(**now);
    if (auto written = host_.write(record_file(), format_record(record), survey_.main_cf); !written)
        return failed(written.error());
    if (!record.has_copy) host_.remove(copy_file());
    out_ << "Changed. What was there before is in " << record_file()
         << "; \"stsmap postfix-setup --undo\" takes the changes back.\n";
    if (options_.reload) return reload();
    out_ << "For Postfix to see it:\n    " << reload_command() << '\n';
    return Exit::done;
}

Exit Run::undo() {
    if (!read_files()) return Exit::refused;
    if (survey_.around.main_cf_is_link)
        return failed(survey_.main_cf + " is a symbolic link: change the file it leads to");
    const Undo undo = plan_undo(record_, survey_.postfix, survey_.around.ours, sha256(main_cf_));
    bool changed = !undo.steps.empty();
    bool restored = false;
    if (undo.restore_copy) {
        auto copy = host_.read(copy_file());
        if (!copy) return failed(copy.error());
        if (*copy) {
            if (auto written = host_.write(survey_.main_cf, **copy, survey_.main_cf); !written)
                return failed(written.error());
            out_ << survey_.main_cf << " is again as it was before --apply.\n";
            changed = restored = true;
        }
    }
    std::vector<Undo::Step> steps = undo.steps;
    if (undo.restore_copy && !restored) { // somebody removed the copy: the values are known
        steps = plan_undo(record_, survey_.postfix, survey_.around.ours, "").steps;
        changed = !steps.empty();
    }
    if (!steps.empty()) {
        if (!edit(steps)) return Exit::refused;
        out_ << "Taken back:\n";
        print_commands(steps, false);
    }
    for (const std::string& remark : undo.remarks) out_ << "note: " << remark << '\n';
    if (record_) {
        host_.remove(record_file());
        host_.remove(copy_file());
    }
    if (!changed) {
        out_ << "Nothing to take back.\n";
        return Exit::done;
    }
    if (options_.reload) return reload();
    out_ << "For Postfix to see it:\n    " << reload_command() << '\n';
    return Exit::done;
}

Exit Run::start() {
    auto survey = make_survey(host_, options_.survey);
    if (!survey) {
        err_ << "stsmap: Postfix cannot be asked for its settings: " << survey.error() << '\n';
        return Exit::no_postfix;
    }
    survey_ = std::move(*survey);
    if (options_.action == CommandOptions::Action::undo) return undo();
    const Plan plan = make_plan(survey_.postfix, survey_.around, options_.wishes);
    return options_.action == CommandOptions::Action::apply ? apply(plan) : show(plan);
}

} // namespace

Exit postfix_setup(const CommandOptions& options, Host& host, std::ostream& out, std::ostream& err) {
    return Run(options, host, out, err).start();
}

} // namespace setup
