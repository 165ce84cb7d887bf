#include "tool/preview/journal.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <system_error>
#include <vector>

#include <systemd/sd-journal.h>

namespace preview {
namespace {

struct Close {
    void operator()(sd_journal* journal) const noexcept { ::sd_journal_close(journal); }
};
using Journal = std::unique_ptr<sd_journal, Close>;

std::string words(int error) { return "cannot read the journal: " + std::generic_category().message(-error); }

/// The value of a field of the entry; "" it has none. Valid until the next one is asked for.
std::string_view value(sd_journal* journal, const char* field) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (::sd_journal_get_data(journal, field, &data, &size) < 0) return {};
    std::string_view text(static_cast<const char*>(data), size);
    const std::size_t at = text.find('=');
    return at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
}

std::uint32_t number(std::string_view text) {
    std::uint32_t made = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), made);
    return error == std::errc{} && end == text.data() + text.size() ? made : 0;
}

/// Only entries of these programs are read. false: there are none.
base::Expected<bool, std::string> choose(sd_journal* journal) {
    if (const int error = ::sd_journal_query_unique(journal, "SYSLOG_IDENTIFIER"); error < 0)
        return base::unexpected(words(error));
    std::vector<std::string> chosen;
    const void* data = nullptr;
    std::size_t size = 0;
    SD_JOURNAL_FOREACH_UNIQUE(journal, data, size) {
        const std::string_view field(static_cast<const char*>(data), size);
        const std::size_t at = field.find('=');
        if (at != std::string_view::npos && parse_tag(field.substr(at + 1)).program != Program::other)
            chosen.emplace_back(field);
    }
    for (const std::string& field : chosen)
        if (const int error = ::sd_journal_add_match(journal, field.data(), field.size()); error < 0)
            return base::unexpected(words(error));
    return !chosen.empty();
}

} // namespace

base::Expected<void, std::string> read_journal(const JournalOptions& options,
                                               const std::function<void(const Entry&)>& take) {
    sd_journal* opened = nullptr;
    const int error = options.folder.empty()
                          ? ::sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY)
                          : ::sd_journal_open_directory(&opened, options.folder.c_str(), 0);
    if (error < 0) return base::unexpected(words(error));
    const Journal journal(opened);
    const auto some = choose(journal.get());
    if (!some) return base::unexpected(some.error());
    if (!*some)
        return base::unexpected(std::string("the journal has nothing of Postfix that can be read here: root "
                                            "and the group adm may read all of it, and "
                                            "Postfix may write to a file instead (maillog_file)"));
    const int sought = options.since ? ::sd_journal_seek_realtime_usec(
                                           journal.get(), static_cast<std::uint64_t>(std::max<std::int64_t>(
                                                              options.since->time_since_epoch().count(), 0)) *
                                                              1'000'000)
                                     : ::sd_journal_seek_head(journal.get());
    if (sought < 0) return base::unexpected(words(sought));
    std::string host, identifier;
    for (;;) {
        const int next = ::sd_journal_next(journal.get());
        if (next < 0) return base::unexpected(words(next));
        if (next == 0) break;
        std::uint64_t micros = 0;
        if (::sd_journal_get_realtime_usec(journal.get(), &micros) < 0) continue;
        host = value(journal.get(), "_HOSTNAME");
        identifier = value(journal.get(), "SYSLOG_IDENTIFIER");
        std::uint32_t pid = number(value(journal.get(), "SYSLOG_PID"));
        if (pid == 0) pid = number(value(journal.get(), "_PID"));
        Entry entry;
        entry.at = base::Instant{base::seconds{static_cast<std::int64_t>(micros / 1'000'000)}};
        entry.host = host;
        entry.identifier = identifier;
        entry.pid = pid;
        entry.message = value(journal.get(), "MESSAGE");
        take(entry);
    }
    return {};
}

} // namespace preview
