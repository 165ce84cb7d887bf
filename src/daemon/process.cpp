#include "daemon/process.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

namespace app {

namespace {

std::uint64_t open_descriptors() {
    std::error_code error;
    std::uint64_t count = 0;
    std::filesystem::directory_iterator all("/proc/self/fd", error), end;
    while (!error && all != end) {
        ++count;
        all.increment(error);
    }
    return count > 0 ? count - 1 : 0; // the one that was just read
}

double seconds_of(clockid_t clock) {
    timespec now{};
    if (::clock_gettime(clock, &now) != 0) return 0;
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

} // namespace

std::optional<StatLine> parse_stat(std::string_view text) {
    // The program's name is in brackets and may contain anything: the fields begin behind the last one.
    const std::size_t name = text.rfind(')');
    if (name == std::string_view::npos) return std::nullopt;
    text.remove_prefix(name + 1);
    constexpr std::size_t first = 3, last = 24; // as proc(5) numbers them
    std::array<std::uint64_t, last + 1> fields{};
    for (std::size_t number = first; number <= last; ++number) {
        while (text.starts_with(' ')) text.remove_prefix(1);
        const std::string_view field = text.substr(0, text.find(' '));
        if (field.empty()) return std::nullopt;
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), fields[number]);
        // The state is a letter, and some fields that are not needed here may be negative.
        if (error == std::errc::result_out_of_range) return std::nullopt;
        text.remove_prefix(field.size());
    }
    return StatLine{fields[20], fields[22], fields[23], fields[24]};
}

ProcessFigures process_figures() {
    ProcessFigures figures;
    std::ifstream file("/proc/self/stat");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    if (const auto line = parse_stat(text)) {
        const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
        figures.start_time = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) +
                             static_cast<double>(line->start) / ticks;
        figures.resident_bytes = line->resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        figures.virtual_bytes = line->virtual_bytes;
        figures.threads = line->threads;
    }
    figures.cpu_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    figures.open_fds = open_descriptors();
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) figures.max_fds = files.rlim_cur;
    return figures;
}

} // namespace app
