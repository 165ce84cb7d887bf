// tool/preview/log_files.hpp - log files: which there are, in which order they were written, and their lines. Files
// packed with gzip are unpacked; memory is one buffer.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"

#include <cstddef>
#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace preview {

/// A file on the command line, or found.
struct LogFile {
    std::string path;
    base::Instant changed{};
    std::uint64_t device = 0, inode = 0, size = 0;
};

/// Those of one log oldest first: by the number or the date that logrotate(8) puts behind the name (mail.log.2.gz,
/// mail.log.1, mail.log; maillog-20261101, maillog); those of different logs by their last change. A file that is named
/// twice counts once. Pure.
[[nodiscard]] std::vector<LogFile> in_order(std::vector<LogFile> files);

/// The parts of a name that rotation makes: "mail.log", 2; "maillog", 20261101; without: 0. Pure.
struct RotatedName {
    std::string log;
    std::uint64_t number = 0; ///< with `dated`: a date, and higher is younger
    bool dated = false, rotated = false;
};
[[nodiscard]] RotatedName rotated_name(std::string_view path);

/// The error: it cannot be looked at; words for a person.
[[nodiscard]] base::Expected<LogFile, std::string> look_at_file(const std::string& path);
/// The log of the mail system where Debian and others have it (/var/log/mail.log, /var/log/maillog), with its rotated
/// files; none: there is none.
[[nodiscard]] std::vector<LogFile> default_files(const std::string& folder = "/var/log");

/// Octets of a file.
class Octets {
public:
    Octets() = default;
    Octets(const Octets&) = delete;
    Octets& operator=(const Octets&) = delete;
    virtual ~Octets() = default;
    /// 0: the end, or a problem.
    [[nodiscard]] virtual std::size_t read(char* to, std::size_t most) = 0;
    /// Why it cannot be read on; "" it can, or it has been read.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

protected:
    std::string problem_;
};
/// Unpacks what is packed with gzip. The error is words for a person.
[[nodiscard]] base::Expected<std::unique_ptr<Octets>, std::string> open_log(const std::string& path);
/// Standard input.
[[nodiscard]] base::Expected<std::unique_ptr<Octets>, std::string> open_log(std::istream& in);

/// Lines of octets.
class LineReader {
public:
    static constexpr std::size_t max_line = std::size_t{64}
                                            << 10; ///< what is longer is cut, and the rest skipped

    explicit LineReader(Octets& octets, std::size_t buffer = std::size_t{1} << 20);
    /// Without its end; valid until the next call. nullopt: no more.
    [[nodiscard]] std::optional<std::string_view> next();
    [[nodiscard]] std::uint64_t cut() const noexcept { return cut_; } ///< lines that were too long

private:
    [[nodiscard]] bool more();

    Octets& octets_;
    std::string buffer_;
    std::size_t at_ = 0, end_ = 0;
    std::uint64_t cut_ = 0;
    bool skipping_ = false, over_ = false;
};

/// The months of the file's lines with traditional times, at some hundred places from the first to the last, for Times;
/// none: it has other times, is packed, or cannot be read at any place.
[[nodiscard]] std::vector<unsigned> months_of(const LogFile& file);

} // namespace preview
