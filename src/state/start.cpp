#include "state/start.hpp"

#include "sqlite/files.hpp"

#include <system_error>
#include <utility>

namespace state {

namespace fs = std::filesystem;
using Use = sqlite::Db::Use;

namespace {

constexpr std::size_t salvage_batch = 1000;

Trouble passing(std::string words) { return {Trouble::Kind::passing, 0, std::move(words)}; }

std::uintmax_t size_of(const fs::path& path) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    return error ? 0 : size;
}

/// What is wrong with the files as they lie there, "" nothing.
std::string_view look(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    const bool log = size_of(sqlite::with_suffix(path, "-wal")) > 0;
    if (!fs::exists(status)) return log ? "the file is gone, its log is not" : "";
    if (!fs::is_regular_file(status)) return "it is not a file";
    return log && size_of(path) == 0 ? "the file is empty, its log is not" : "";
}

/// A kill in renew() may leave the complete new file beside the place of the damaged one.
void finish_renewal(const fs::path& path) {
    const fs::path fresh = sqlite::with_suffix(path, ".new");
    std::error_code error;
    if (!fs::exists(fs::symlink_status(fresh, error))) return;
    if (!fs::exists(fs::symlink_status(path, error)))
        fs::rename(fresh, path, error);
    else
        sqlite::remove_files(fresh);
}

/// Writes rows to a new file, some at a time.
class Copy {
public:
    explicit Copy(File& to) : to_(to) {}
    template <class Row>
    void put(const Row& row) {
        if (!result_) return;
        if (in_batch_ == 0) result_ = to_.begin();
        if (result_) result_ = to_.put(row);
        if (result_ && ++in_batch_ == salvage_batch) end_batch();
    }
    File::Result finish() {
        if (result_ && in_batch_ > 0) end_batch();
        if (result_) result_ = to_.checkpoint();
        return result_;
    }

private:
    void end_batch() {
        result_ = to_.commit();
        in_batch_ = 0;
    }
    File& to_;
    File::Result result_;
    std::size_t in_batch_ = 0;
};

/// Trouble that may pass: reads what is readable, and leaves the rest to the next try.
void go_on_without(const fs::path& path, Trouble trouble, Started& started) {
    started.file.reset();
    started.trouble = std::move(trouble);
    started.unread = true;
    for (const Use use : {Use::salvage, Use::salvage_unlocked, Use::salvage_alone}) {
        auto file = File::open_to_read(path, use);
        if (!file) continue;
        started.overrides.clear();
        if (file->load([&](decision::Override row) { started.overrides.insert_or_assign(row.domain, row); }))
            return;
    }
}

} // namespace

base::Expected<void, Trouble> renew(const fs::path& path, File* from, std::string_view problem,
                                    const ByDomain* known, ByDomain& found, events::Sink& events,
                                    base::Instant now) {
    const fs::path fresh = sqlite::with_suffix(path, ".new");
    sqlite::remove_files(fresh);
    const auto created = sqlite::create_file(fresh);
    if (!created)
        return base::unexpected(
            passing("cannot create " + fresh.string() + ": " + created.error().message()));
    File::Found salvaged;
    {
        auto to = File::open(fresh);
        if (!to) return base::unexpected(std::move(to.error()));
        Copy copy{*to};
        std::optional<File> opened;
        if (from == nullptr && size_of(path) > 0)
            if (auto file = File::open_to_read(path, Use::salvage)) {
                opened.emplace(std::move(*file));
                from = &*opened;
            }
        File::Rows rows;
        rows.exception = [&](decision::Override row) { found.insert_or_assign(row.domain, std::move(row)); };
        rows.observed = [&](const Observed& row) { copy.put(row); };
        rows.protection = [&](const Protected& row) { copy.put(row); };
        if (from != nullptr) salvaged = from->salvage(rows);
        if (known != nullptr) found = *known;
        for (const auto& [domain, row] : found) copy.put(row);
        File::Result result = copy.finish();
        if (!result || salvaged.passing) {
            to = base::unexpected(Trouble{}); // closed
            sqlite::remove_files(fresh);
            return base::unexpected(result ? *std::move(salvaged.passing) : std::move(result.error()));
        }
    }
    const auto aside = sqlite::set_aside(path, now);
    if (!aside)
        return base::unexpected(passing("damaged (" + std::string{problem} + "), and " + aside.error()));
    std::error_code error;
    fs::rename(fresh, path, error);
    if (error) return base::unexpected(passing("cannot rename " + fresh.string() + ": " + error.message()));
    if (auto done = sqlite::sync_directory_of(path); !done)
        return base::unexpected(passing("cannot sync the folder: " + done.error().message()));
    const std::string moved_to = sqlite::where(*aside);
    events.emit(events::StoreDamaged{
        .file = path.native(), .problem = problem, .moved_to = moved_to, .salvaged = salvaged.rows});
    return {};
}

base::Expected<Started, std::string> start(const fs::path& path, const ByDomain* known, events::Sink& events,
                                           base::Instant now) {
    Started started;
    finish_renewal(path);
    std::string damage{look(path)};
    // One round for the present file, one for the one that replaces a damaged one.
    for (int round = 0; round < 2; ++round) {
        if (damage.empty()) {
            std::error_code error;
            base::Expected<bool, std::error_code> created = false;
            if (!fs::exists(path, error)) created = sqlite::create_file(path);
            if (!created && !sqlite::is_passing(created.error().value()))
                return base::unexpected("cannot create " + path.string() + ": " + created.error().message());
            base::Expected<File, Trouble> file =
                created ? File::open(path)
                        : base::unexpected(passing("cannot create the file: " + created.error().message()));
            std::optional<Trouble> trouble;
            if (file) {
                started.overrides.clear();
                auto loaded = file->load(
                    [&](decision::Override row) { started.overrides.insert_or_assign(row.domain, row); });
                if (loaded) {
                    if (loaded->skipped > 0)
                        events.emit(events::StoreRowsSkipped{.file = path.native(),
                                                             .rows = loaded->skipped,
                                                             .first_problem = "an override is not valid"});
                    started.file.emplace(std::move(*file));
                    return started;
                }
                file->leave_as_is();
                trouble = loaded.error();
            } else {
                trouble = file.error();
            }
            file = base::unexpected(*trouble); // closed before other code touches it
            if (trouble->kind == Trouble::Kind::passing) {
                go_on_without(path, std::move(*trouble), started);
                return started;
            }
            if (trouble->kind != Trouble::Kind::damage)
                return base::unexpected(path.string() + ": " + trouble->words);
            damage = trouble->words;
        }
        if (round > 0) break;
        if (auto renewed = renew(path, nullptr, damage, known, started.overrides, events, now); !renewed) {
            started.trouble = renewed.error();
            started.unread = true;
            return started;
        }
        damage.clear();
    }
    started.trouble = passing("damaged again as soon as it was renewed: " + damage);
    started.unread = true;
    return started;
}

} // namespace state
