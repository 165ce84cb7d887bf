#include "tool/setup/command.hpp"

#include "tool/setup/read_back.hpp"
#include "tool/setup/undo.hpp"

#include <openssl/evp.h>

#include <array>
#include <ostream>

namespace setup {
namespace {

using base::Exit;

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

std::vector<Undo::Setting> settings_of(const std::vector<Change>& changes) {
    std::vector<Undo::Setting> settings;
    for (const Change& change : changes) settings.push_back({change.name, change.after});
    return settings;
}

/// Owner and mode of main.cf after `postconf -e`, whatever they were before.
constexpr std::string_view left_by_postconf = "root:root 0644";

/// One run of the command.
class Run {
public:
    Run(const CommandOptions& options, Host& host, std::ostream& out, std::ostream& err)
        : options_(options), host_(host), out_(out), err_(err) {}

    Exit start();

private:
    using Edited = base::Expected<std::string, std::string>;

    Exit show(const Plan& plan);
    Exit apply(const Plan& plan);
    Exit undo();
    Exit reload();
    Exit failed(const std::string& words);
    Exit put_back(const std::vector<std::string>& lines);
    Exit after_change();
    void print(const Plan& plan);
    void print_commands(const std::vector<Undo::Setting>& settings, bool with_reload);
    Edited edited(const std::vector<Undo::Setting>& settings);
    Edited edited_in(const std::string& folder, const std::vector<Undo::Setting>& settings);
    std::vector<std::string> read_back(const std::vector<Undo::Setting>& settings);
    std::vector<std::string> plan_again();
    bool write_main_cf(const std::string& content);
    void take_back_record();
    bool read_files();

    [[nodiscard]] std::string record_file() const {
        return std::string(survey_.main_cf).append(record_suffix);
    }
    [[nodiscard]] std::string copy_file() const { return std::string(survey_.main_cf).append(copy_suffix); }
    [[nodiscard]] const std::string& folder() const { return options_.survey.config_directory; }
    [[nodiscard]] std::string with_folder() const {
        return folder().empty() ? "" : "-c " + shell_quoted(folder()) + ' ';
    }
    [[nodiscard]] std::string reload_command() const { return "postfix " + with_folder() + "reload"; }
    [[nodiscard]] std::string own_command(std::string_view option) const {
        return "\"stsmap postfix-setup " + with_folder() + std::string(option) + '"';
    }

    const CommandOptions& options_;
    Host& host_;
    std::ostream& out_;
    std::ostream& err_;
    Survey survey_;
    std::string main_cf_; ///< its content
    std::string model_;   ///< the file that has the owner and the mode of main.cf
    std::optional<UndoRecord> record_;
};

Exit Run::failed(const std::string& words) {
    err_ << "stsmap: " << words << '\n';
    return Exit::trouble;
}

bool Run::read_files() {
    auto main_cf = host_.read(survey_.main_cf);
    auto record = host_.read(record_file());
    if (!main_cf || !*main_cf || !record) {
        failed(!main_cf ? main_cf.error() : !record ? record.error() : survey_.main_cf + " is not there");
        return false;
    }
    main_cf_ = std::move(**main_cf);
    // The record has the owner and mode from before the first change; postconf may have changed main.cf's.
    model_ =
        *record && host_.attributes(survey_.main_cf) == left_by_postconf ? record_file() : survey_.main_cf;
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

void Run::print_commands(const std::vector<Undo::Setting>& settings, bool with_reload) {
    for (const Undo::Setting& setting : settings)
        out_ << "    " << command_for(setting.name, setting.value, folder()) << '\n';
    if (with_reload) out_ << "    " << reload_command() << '\n';
}

Exit Run::show(const Plan& plan) {
    print(plan);
    if (plan.refused()) {
        out_ << "Nothing is changed, for the reason after \"refused\".\n";
        return Exit::trouble;
    }
    if (plan.changes.empty()) {
        out_ << "Nothing to change.\n";
        return Exit::done;
    }
    out_ << "Nothing has been changed yet. " << own_command("--apply") << " does it, as do these commands:\n";
    print_commands(settings_of(plan.changes), true);
    return Exit::done;
}

/// postconf -e for all settings that get a value, in one edit; then postconf -X. Works on copies in `folder`:
/// main.cf itself is only replaced as a whole, after a check that Postfix reads the copy as intended.
Run::Edited Run::edited_in(const std::string& folder, const std::vector<Undo::Setting>& settings) {
    const std::string copy = folder + "/main.cf";
    if (auto written = host_.write(copy, completed(main_cf_), survey_.main_cf); !written)
        return base::unexpected(written.error());
    const std::string master = survey_.main_cf.substr(0, survey_.main_cf.rfind('/')) + "/master.cf";
    if (auto services = host_.read(master); services && *services) // it makes parameters known to postconf
        if (auto written = host_.write(folder + "/master.cf", **services, survey_.main_cf); !written)
            return base::unexpected(written.error());
    std::vector<std::string> set{"-e"}, unset{"-X"};
    for (const Undo::Setting& setting : settings)
        if (setting.value)
            set.push_back(setting.name + " = " + *setting.value);
        else
            unset.push_back(setting.name);
    for (const std::vector<std::string>& arguments : {set, unset}) {
        if (arguments.size() == 1) continue;
        auto ran = host_.run(postfix_command("postconf", folder, arguments));
        if (!ran || ran->status != 0)
            return base::unexpected(ran ? "postconf failed: " + ran->err : ran.error());
    }
    auto now = host_.run(postfix_command("postconf", folder, {"-n"}));
    if (!now || now->status != 0) return base::unexpected(now ? "postconf failed: " + now->err : now.error());
    std::string words;
    for (const std::string& line : differences(survey_.postfix.set, settings, parse_parameters(now->out)))
        words += "\n    " + line;
    if (!words.empty()) return base::unexpected("postconf would make something else of main.cf:" + words);
    auto content = host_.read(copy);
    if (!content || !*content) return base::unexpected(content ? copy + " is not there" : content.error());
    return std::move(**content);
}

/// main.cf as it will be after these settings.
Run::Edited Run::edited(const std::vector<Undo::Setting>& settings) {
    auto made = host_.make_folder(survey_.main_cf.substr(0, survey_.main_cf.rfind('/')));
    if (!made) return base::unexpected(made.error());
    Edited content = edited_in(*made, settings);
    host_.remove_folder(*made);
    if (!content) return content;
    auto now = host_.read(survey_.main_cf);
    if (!now || !*now || **now != main_cf_)
        return base::unexpected(survey_.main_cf + " has just been changed by somebody else");
    return content;
}

bool Run::write_main_cf(const std::string& content) {
    auto written = host_.write(survey_.main_cf, content, model_);
    if (!written) failed(written.error());
    return written.has_value();
}

/// The settings of Postfix that are not as they should be.
std::vector<std::string> Run::read_back(const std::vector<Undo::Setting>& settings) {
    auto now = host_.run(postfix_command("postconf", folder(), {"-n"}));
    if (!now || now->status != 0)
        return {"Postfix does not say what it has: " + (now ? "postconf failed: " + now->err : now.error())};
    return differences(survey_.postfix.set, settings, parse_parameters(now->out));
}

/// Makes the plan again after it was carried out: returns what is still missing, which should be nothing.
std::vector<std::string> Run::plan_again() {
    auto survey = make_survey(host_, options_.survey);
    if (!survey) return {survey.error()};
    const Plan plan = make_plan(survey->postfix, survey->around, options_.wishes);
    std::vector<std::string> lines;
    for (const Change& change : plan.changes)
        if (change.needed)
            lines.push_back(change.name + " is " + change.before.value_or("not set") + " and should be " +
                            change.after);
    for (const Remark& remark : plan.remarks)
        if (remark.kind == Remark::Kind::refusal) lines.push_back(remark.words);
    return lines;
}

/// After a change that failed: restores the record's files.
void Run::take_back_record() {
    if (record_) {
        (void)host_.write(record_file(), format_record(*record_), model_);
        return;
    }
    host_.remove(record_file());
    host_.remove(copy_file());
}

/// Postfix did not read the change as intended: restores main.cf.
Exit Run::put_back(const std::vector<std::string>& lines) {
    err_ << "stsmap: Postfix has something else now than was meant:\n";
    for (const std::string& line : lines) err_ << "    " << line << '\n';
    if (!write_main_cf(main_cf_)) {
        err_ << "stsmap: " << survey_.main_cf << " could not be put back and stays changed\n";
        return Exit::changed;
    }
    return failed(survey_.main_cf + " is again as it was");
}

Exit Run::reload() {
    auto status = host_.run(postfix_command("postfix", folder(), {"status"}));
    // `postfix status` prints why on a terminal only; we get the exit status. A fatal error is something else.
    if (status && status->status != 0 && !failed_by_its_words(*status)) {
        out_ << "Postfix is not running; it will read the new settings when it starts.\n";
        return Exit::done;
    }
    auto ran = host_.run(postfix_command("postfix", folder(), {"reload"}));
    if (ran && ran->status == 0) {
        out_ << "Postfix has been reloaded.\n";
        return Exit::done;
    }
    std::string why = ran ? last_words(*ran) : ran.error();
    if (why.empty()) why = "Postfix's log has the reason";
    failed(survey_.main_cf + " is changed, but Postfix has not been reloaded: " + why);
    return Exit::changed;
}

Exit Run::after_change() {
    if (options_.reload) return reload();
    out_ << "For Postfix to see it:\n    " << reload_command() << '\n';
    return Exit::done;
}

Exit Run::apply(const Plan& plan) {
    if (plan.refused() || plan.changes.empty()) return show(plan);
    if (!read_files()) return Exit::trouble;
    print(plan);
    const std::vector<Undo::Setting> settings = settings_of(plan.changes);
    const Edited content = edited(settings);
    if (!content) return failed(content.error());
    UndoRecord record = next_record(record_, plan.changes, sha256(main_cf_));
    record.digest = sha256(*content);
    if (record.has_copy && !record_)
        if (auto written = host_.write(copy_file(), main_cf_, model_); !written)
            return failed(written.error());
    // Written before main.cf, so that there is always a way back.
    if (auto written = host_.write(record_file(), format_record(record), model_); !written) {
        take_back_record();
        return failed(written.error());
    }
    if (!write_main_cf(*content)) {
        take_back_record();
        return Exit::trouble;
    }
    std::vector<std::string> wrong = read_back(settings);
    if (wrong.empty()) wrong = plan_again();
    if (!wrong.empty()) {
        const Exit exit = put_back(wrong);
        if (exit == Exit::trouble) take_back_record();
        return exit;
    }
    if (!record.has_copy) host_.remove(copy_file());
    out_ << "Changed, and Postfix has it as planned. What was there before is in " << record_file() << "; "
         << own_command("--undo") << " takes the changes back.\n";
    return after_change();
}

Exit Run::undo() {
    if (!read_files()) return Exit::trouble;
    if (survey_.around.main_cf_is_link)
        return failed(survey_.main_cf + " is a symbolic link: change the file it leads to");
    Undo undo = plan_undo(record_, survey_.postfix, survey_.around.ours, sha256(main_cf_));
    std::optional<std::string> content;
    if (undo.restore_copy) {
        auto copy = host_.read(copy_file());
        if (!copy) return failed(copy.error());
        content = std::move(*copy);
        if (content)
            for (const UndoRecord::Entry& entry : record_->entries)
                undo.settings.push_back({entry.name, entry.before});
        else // somebody removed the copy: use the values in the record
            undo.settings = plan_undo(record_, survey_.postfix, survey_.around.ours, "").settings;
    }
    const bool whole = content.has_value(), changed = whole || !undo.settings.empty();
    if (changed && !whole) {
        Edited made = edited(undo.settings);
        if (!made) return failed(made.error());
        content = std::move(*made);
    }
    if (changed) {
        if (!write_main_cf(*content)) return Exit::trouble;
        if (const auto wrong = read_back(undo.settings); !wrong.empty()) return put_back(wrong);
        if (whole) {
            out_ << survey_.main_cf << " is again as it was before --apply.\n";
        } else {
            out_ << "Taken back:\n";
            print_commands(undo.settings, false);
        }
    }
    for (const std::string& remark : undo.remarks) out_ << "note: " << remark << '\n';
    host_.remove(record_file());
    host_.remove(copy_file());
    if (changed) return after_change();
    out_ << "Nothing to take back.\n";
    return Exit::done;
}

Exit Run::start() {
    auto survey = make_survey(host_, options_.survey);
    if (!survey) {
        err_ << "stsmap: Postfix cannot be asked for its settings: " << survey.error() << '\n';
        return Exit::unreachable;
    }
    survey_ = std::move(*survey);
    if (options_.action == CommandOptions::Action::undo) return undo();
    const Plan plan = make_plan(survey_.postfix, survey_.around, options_.wishes);
    return options_.action == CommandOptions::Action::apply ? apply(plan) : show(plan);
}

} // namespace

base::Exit postfix_setup(const CommandOptions& options, Host& host, std::ostream& out, std::ostream& err) {
    return Run(options, host, out, err).start();
}

} // namespace setup
