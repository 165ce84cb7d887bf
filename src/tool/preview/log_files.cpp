#include "tool/preview/log_files.hpp"

#include "base/net/descriptor.hpp"
#include "base/text.hpp"
#include "tool/preview/times.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace preview {
namespace {

constexpr std::string_view gzip_magic = "\x1f\x8b";

std::string cannot(std::string_view what, const std::string& path, int error) {
    return "cannot " + std::string(what) + ' ' + base::printable(path, 200) + ": " +
           std::generic_category().message(error);
}

bool all_digits(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

class FileOctets final : public Octets {
public:
    FileOctets(std::string path, net::Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
    std::size_t read(char* to, std::size_t most) override {
        for (;;) {
            const ::ssize_t got = ::read(file_.get(), to, most);
            if (got >= 0) return static_cast<std::size_t>(got);
            if (errno == EINTR) continue;
            problem_ = cannot("read", path_, errno);
            return 0;
        }
    }

private:
    std::string path_;
    net::Descriptor file_;
};

class StreamOctets final : public Octets {
public:
    explicit StreamOctets(std::istream& in) : in_(in) {}
    std::size_t read(char* to, std::size_t most) override {
        if (!in_) return 0;
        const auto size = static_cast<std::streamsize>(most);
        in_.read(to, size);
        return static_cast<std::size_t>(in_.gcount());
    }

private:
    std::istream& in_;
};

/// gzip, with one or more members.
class Unpacked final : public Octets {
public:
    Unpacked(std::string name, std::unique_ptr<Octets> packed, std::string begun)
        : name_(std::move(name)), packed_(std::move(packed)), input_(std::move(begun)) {
        have_ = input_.size();
        input_.resize(std::max<std::size_t>(input_.size(), std::size_t{256} << 10));
        constexpr int any_window = 15, gzip_only = 16;
        ready_ = ::inflateInit2(&stream_, any_window + gzip_only) == Z_OK;
        if (!ready_) problem_ = "cannot unpack " + base::printable(name_, 200) + ": no memory";
        stream_.next_in = octets(0);
        stream_.avail_in = static_cast<uInt>(have_);
    }
    ~Unpacked() override {
        if (ready_) ::inflateEnd(&stream_);
    }
    std::size_t read(char* to, std::size_t most) override {
        if (!problem_.empty() || over_) return 0;
        stream_.next_out = reinterpret_cast<Bytef*>(to);
        stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(most, std::size_t{1} << 30));
        const std::size_t room = stream_.avail_out;
        while (stream_.avail_out == room) {
            if (stream_.avail_in == 0 && !fill()) break;
            const int made = ::inflate(&stream_, Z_NO_FLUSH);
            between_ = false;
            if (made == Z_STREAM_END) {
                between_ = true; // of members; what is behind the last one may be padding
                if (stream_.avail_in == 0 && !fill()) break;
                if (*stream_.next_in != 0x1f) {
                    over_ = true;
                    break;
                }
                if (::inflateReset(&stream_) != Z_OK) break;
            } else if (made != Z_OK && made != Z_BUF_ERROR) {
                problem_ = "cannot unpack " + base::printable(name_, 200) + ": it is damaged";
                break;
            }
        }
        return room - stream_.avail_out;
    }

private:
    Bytef* octets(std::size_t at) { return reinterpret_cast<Bytef*>(input_.data() + at); }
    bool fill() {
        have_ = packed_->read(input_.data(), input_.size());
        stream_.next_in = octets(0);
        stream_.avail_in = static_cast<uInt>(have_);
        if (have_ > 0) return true;
        over_ = true;
        problem_ = packed_->problem();
        if (problem_.empty() && !between_) problem_ = base::printable(name_, 200) + " ends too early";
        return false;
    }

    std::string name_;
    std::unique_ptr<Octets> packed_;
    std::string input_;
    std::size_t have_ = 0;
    z_stream stream_{};
    bool ready_ = false, over_ = false, between_ = false;
};

/// Octets that have been read already, then the rest.
class Begun final : public Octets {
public:
    Begun(std::string begun, std::unique_ptr<Octets> rest)
        : begun_(std::move(begun)), rest_(std::move(rest)) {}
    std::size_t read(char* to, std::size_t most) override {
        if (at_ < begun_.size()) {
            const std::size_t size = std::min(most, begun_.size() - at_);
            std::memcpy(to, begun_.data() + at_, size);
            at_ += size;
            return size;
        }
        const std::size_t size = rest_->read(to, most);
        problem_ = rest_->problem();
        return size;
    }

private:
    std::string begun_;
    std::size_t at_ = 0;
    std::unique_ptr<Octets> rest_;
};

/// Packed or not is seen from the first octets.
base::Expected<std::unique_ptr<Octets>, std::string> judged(const std::string& name,
                                                            std::unique_ptr<Octets> raw) {
    std::string begun(6, '\0');
    std::size_t have = 0;
    while (have < begun.size()) {
        const std::size_t got = raw->read(begun.data() + have, begun.size() - have);
        if (got == 0) break;
        have += got;
    }
    if (!raw->problem().empty()) return base::unexpected(raw->problem());
    begun.resize(have);
    if (begun.starts_with(gzip_magic))
        return std::make_unique<Unpacked>(name, std::move(raw), std::move(begun));
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> others{
        {{"\x28\xb5\x2f\xfd", "zstdcat"},
         {"\xfd"
          "7zXZ",
          "xzcat"},
         {"BZh", "bzcat"}}};
    for (const auto& [magic, program] : others)
        if (begun.starts_with(magic))
            return base::unexpected(base::printable(name, 200) +
                                    " is packed in a form that is not read here: " + std::string(program) +
                                    " FILE | stsmap preview -");
    return std::make_unique<Begun>(std::move(begun), std::move(raw));
}

} // namespace

RotatedName rotated_name(std::string_view path) {
    RotatedName made;
    constexpr std::array<std::string_view, 4> packed{".gz", ".xz", ".bz2", ".zst"};
    for (const std::string_view end : packed)
        if (path.ends_with(end)) {
            path.remove_suffix(end.size());
            break;
        }
    const std::size_t dot = path.find_last_of(".-");
    if (dot != std::string_view::npos && dot > 0 && all_digits(path.substr(dot + 1)) &&
        path.size() - dot <= 16) {
        const std::string_view digits = path.substr(dot + 1);
        made.number = std::stoull(std::string(digits));
        made.dated = path[dot] == '-' || digits.size() >= 8;
        made.rotated = true;
        path = path.substr(0, dot);
    }
    made.log = path;
    return made;
}

std::vector<LogFile> in_order(std::vector<LogFile> files) {
    std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
    std::erase_if(files, [&seen](const LogFile& file) {
        return (file.device != 0 || file.inode != 0) && !seen.emplace(file.device, file.inode).second;
    });
    std::map<std::string, std::vector<LogFile>> logs;
    for (LogFile& file : files) {
        std::string log = rotated_name(file.path).log;
        logs[std::move(log)].push_back(std::move(file));
    }
    std::vector<std::vector<LogFile>> ordered;
    for (auto& [log, its] : logs) {
        std::ranges::stable_sort(its, [](const LogFile& a, const LogFile& b) {
            const RotatedName one = rotated_name(a.path), other = rotated_name(b.path);
            if (one.rotated != other.rotated) return one.rotated; // the one that is written to comes last
            if (one.dated != other.dated) return a.changed < b.changed;
            if (one.number != other.number)
                return one.dated ? one.number < other.number : one.number > other.number;
            return a.changed < b.changed;
        });
        ordered.push_back(std::move(its));
    }
    // Of different logs, such as of two hosts: one after the other.
    std::ranges::stable_sort(
        ordered, [](const auto& a, const auto& b) { return a.front().changed < b.front().changed; });
    files.clear();
    for (auto& its : ordered) std::ranges::move(its, std::back_inserter(files));
    return files;
}

base::Expected<LogFile, std::string> look_at_file(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return base::unexpected(cannot("read", path, errno));
    if (S_ISDIR(found.st_mode)) return base::unexpected(cannot("read", path, EISDIR));
    LogFile file;
    file.path = path;
    file.changed = base::Instant{base::seconds{found.st_mtim.tv_sec}};
    file.device = found.st_dev;
    file.inode = found.st_ino;
    file.size = static_cast<std::uint64_t>(std::max<off_t>(found.st_size, 0));
    return file;
}

std::vector<LogFile> default_files(const std::string& folder) {
    for (const std::string_view log : {"mail.log", "maillog", "mail"}) {
        std::vector<LogFile> files;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
            const std::string path = entry.path().string();
            const RotatedName name = rotated_name(path);
            if (name.log != folder + '/' + std::string(log) || !entry.is_regular_file(error)) continue;
            if (auto file = look_at_file(path)) files.push_back(*std::move(file));
        }
        std::erase_if(files, [](const LogFile& file) { return file.size == 0; });
        if (!files.empty()) return in_order(std::move(files));
    }
    return {};
}

base::Expected<std::unique_ptr<Octets>, std::string> open_log(const std::string& path) {
    net::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (file.get() < 0) return base::unexpected(cannot("read", path, errno));
    (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return judged(path, std::make_unique<FileOctets>(path, std::move(file)));
}

base::Expected<std::unique_ptr<Octets>, std::string> open_log(std::istream& in) {
    return judged("standard input", std::make_unique<StreamOctets>(in));
}

LineReader::LineReader(Octets& octets, std::size_t buffer)
    : octets_(octets), buffer_(std::max(buffer, 2 * max_line), '\0') {}

bool LineReader::more() {
    if (over_) return false;
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
    const std::size_t got = octets_.read(buffer_.data() + end_, buffer_.size() - end_);
    end_ += got;
    over_ = got == 0;
    return !over_;
}

std::optional<std::string_view> LineReader::next() {
    std::size_t looked_at = 0;
    for (;;) {
        const char* const from = buffer_.data() + at_;
        const void* const found = std::memchr(from + looked_at, '\n', end_ - at_ - looked_at);
        const std::size_t size =
            found == nullptr ? end_ - at_ : static_cast<std::size_t>(static_cast<const char*>(found) - from);
        const bool whole = found != nullptr;
        if (whole || size >= max_line) {
            const bool was_skipping = skipping_;
            skipping_ = !whole;
            at_ += size + (whole ? 1 : 0);
            looked_at = 0;
            if (was_skipping) continue; // the rest of a line that was too long
            if (size >= max_line) ++cut_;
            return std::string_view(from, std::min(size, max_line));
        }
        looked_at = size;
        if (more()) continue;
        if (size == 0 || skipping_) return std::nullopt;
        const std::string_view last(buffer_.data() + at_,
                                    size); // without a line's end: still being written, or cut
        at_ = end_;
        return last;
    }
}

std::vector<unsigned> months_of(const LogFile& file) {
    constexpr std::size_t places = 400, window = 4096;
    std::vector<unsigned> months;
    const net::Descriptor open(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (open.get() < 0 || file.size == 0) return months;
    std::string piece(window, '\0');
    const auto look = [&](std::uint64_t at, bool last) {
        const ::ssize_t got = ::pread(open.get(), piece.data(), piece.size(), static_cast<off_t>(at));
        if (got <= 0) return;
        std::string_view text(piece.data(), static_cast<std::size_t>(got));
        if (text.starts_with(gzip_magic) && at == 0) return;
        unsigned month = 0;
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            // Behind the start of the file the first line is a part of one.
            if (at == 0 || text.data() != piece.data())
                if (const unsigned one = month_of(text.substr(0, end)); one != 0) {
                    month = one;
                    if (!last) break;
                }
            if (end == std::string_view::npos) break;
            text.remove_prefix(end + 1);
        }
        if (month != 0) months.push_back(month);
    };
    look(0, false);
    if (months.empty()) return months;
    const std::uint64_t step = std::max<std::uint64_t>(file.size / places, window);
    for (std::uint64_t at = step; at + window < file.size; at += step) look(at, false);
    look(file.size > window ? file.size - window : 0, true);
    return months;
}

} // namespace preview
