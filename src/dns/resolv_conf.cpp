#include "dns/resolv_conf.hpp"

#include "base/net/descriptor.hpp"
#include "base/next_word.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace dns {
namespace {

constexpr std::size_t max_servers = 3;                 // MAXNS of <resolv.h>
constexpr unsigned max_timeout = 30, max_attempts = 5; // RES_MAXRETRANS, RES_MAXRETRY
constexpr std::size_t max_file = 65536;                // octets; the rest is ignored
constexpr std::string_view blanks = " \t";

std::optional<unsigned> number(std::string_view text, unsigned most) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
    return value;
}

/// The digits after "name:" as atoi would read them: up to the first other character, too large ones as
/// `most`.
std::optional<unsigned> option_value(std::string_view word, std::string_view name, unsigned most) {
    if (!word.starts_with(name)) return std::nullopt;
    word.remove_prefix(name.size());
    const auto digits = std::min(word.find_first_not_of("0123456789"), word.size());
    if (digits == 0) return std::nullopt;
    return std::max(1U, number(word.substr(0, digits), most).value_or(most));
}

void read_options(std::string_view line, ResolvConf& conf) {
    for (std::string_view word = base::next_word(line, blanks); !word.empty();
         word = base::next_word(line, blanks)) {
        if (auto timeout = option_value(word, "timeout:", max_timeout))
            conf.timeout = base::seconds{*timeout};
        else if (auto attempts = option_value(word, "attempts:", max_attempts))
            conf.attempts = *attempts;
        else if (word == "trust-ad")
            conf.trust_ad = true;
        else if (word == "use-vc")
            conf.use_tcp = true;
        else if (word == "rotate")
            conf.rotate = true;
    }
}

void read_line(std::string_view line, ResolvConf& conf) {
    const std::string_view keyword = base::next_word(line, blanks);
    if (keyword == "options") return read_options(line, conf);
    if (keyword != "nameserver" || conf.servers.size() == max_servers) return;
    line = line.substr(0, line.find_first_of(";#"));
    if (const auto address = net::parse_scoped_ip(base::next_word(line, blanks)))
        conf.servers.push_back({*address, dns_port});
}

std::array<std::int64_t, 5> stamp_of(const struct stat& st) {
    constexpr std::int64_t giga = 1'000'000'000;
    return {static_cast<std::int64_t>(st.st_dev), static_cast<std::int64_t>(st.st_ino),
            static_cast<std::int64_t>(st.st_size), st.st_mtim.tv_sec * giga + st.st_mtim.tv_nsec,
            st.st_ctim.tv_sec * giga + st.st_ctim.tv_nsec};
}

std::optional<std::string> read_all(int fd) {
    std::string text(max_file, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = ::read(fd, text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::nullopt;
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    text.resize(size);
    return text;
}

} // namespace

ResolvConf parse_resolv_conf(std::string_view text) {
    ResolvConf conf;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        // A keyword is in the first column (resolv.conf(5)); so comments, which begin with ';' or '#', are
        // ignored.
        if (!line.empty() && blanks.find(line[0]) == std::string_view::npos) read_line(line, conf);
    }
    if (conf.servers.empty()) conf.servers.push_back({net::loopback, dns_port});
    return conf;
}

const ResolvConf& ResolvConfFile::current(base::Steady now) {
    if (!looked_ || now - *looked_ >= base::seconds{1}) {
        looked_ = now;
        read_if_changed();
    }
    return conf_;
}

void ResolvConfFile::read_if_changed() {
    struct stat st {};
    if (::stat(path_.c_str(), &st) != 0 || (stamp_ && *stamp_ == stamp_of(st))) return;
    // Not a FIFO or the like: opening or reading one could wait.
    if (!S_ISREG(st.st_mode)) return;
    const net::Descriptor file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.get() < 0 || ::fstat(file.get(), &st) != 0) return;
    // The stamp is from before reading, so a change while we read is noticed next time.
    const Stamp before = stamp_of(st);
    const auto text = read_all(file.get());
    if (!text) return;
    conf_ = parse_resolv_conf(*text);
    stamp_ = before;
}

} // namespace dns
