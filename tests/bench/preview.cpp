// bench_preview: how fast `stsmap preview` reads mail logs.
//
//     bench_preview make LINES FILE      a log as a mail host writes it: seven lines a message, 20,000 domains
//     bench_preview export LINES FILE    the same in the form that systemd-journal-remote reads
//     bench_preview read FILE...         lines a second, on one core; also packed ones (gzip)
//     bench_preview journal DIR          entries a second
//
// Two rates: by the clock, and by processor time, which counts on a machine that does other work meanwhile.
#include "tool/preview/journal.hpp"
#include "tool/preview/log_files.hpp"
#include "tool/preview/reading.hpp"
#include "tool/show/times.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

namespace {

constexpr std::uint64_t domains = 20'000, lines_a_message = 7;
constexpr std::int64_t first_day = 1'793'000'000; ///< October 2026

struct Line {
    std::string tag, text;
    unsigned pid;
};

/// A few domains get most of the mail.
std::uint64_t domain_of(std::uint64_t message) {
    const std::uint64_t mixed = message * 0x9e3779b97f4a7c15U >> 32U;
    return mixed % 4 != 0 ? mixed % 50 : mixed % domains;
}

std::vector<Line> lines_of(std::uint64_t message) {
    char id[32];
    std::snprintf(id, sizeof id, "4Jc%011llXz", static_cast<unsigned long long>(message));
    const std::string name = id, domain = "domain" + std::to_string(domain_of(message)) + ".example";
    const unsigned pid = 1000 + static_cast<unsigned>(message % 40);
    return {
        {"postfix/smtpd",
         "connect from client" + std::to_string(message % 100) + ".sender.example[192.0.2.1]", pid},
        {"postfix/smtpd",
         name + ": client=client" + std::to_string(message % 100) +
             ".sender.example[192.0.2.1], sasl_method=PLAIN, sasl_username=user" +
             std::to_string(message % 1000),
         pid},
        {"postfix/cleanup",
         name + ": message-id=<" + std::to_string(message) + ".0123456789abcdef@sender.example>", 900},
        {"postfix/qmgr",
         name + ": from=<user" + std::to_string(message % 1000) +
             "@sender.example>, size=34567, nrcpt=1 (queue active)",
         7},
        {"postfix/smtp",
         "Trusted TLS connection established to mx1." + domain +
             "[198.51.100.7]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange "
             "X25519 server-signature RSA-PSS (2048 bits)",
         pid},
        {"postfix/smtp",
         name + ": to=<recipient" + std::to_string(message % 500) + "@" + domain + ">, relay=mx1." + domain +
             "[198.51.100.7]:25, delay=1.4, delays=0.05/0.33/0.74/0.23, dsn=2.0.0, status=sent (250 2.0.0 "
             "Ok: queued as 4jcTh323rSz1cHsm)",
         pid},
        {"postfix/qmgr", name + ": removed", 7},
    };
}

int make(std::uint64_t lines, const std::string& path, bool exported) {
    std::ofstream out(path, std::ios::binary);
    for (std::uint64_t message = 0; message * lines_a_message < lines; ++message) {
        const std::int64_t at = first_day + static_cast<std::int64_t>(message) / 20;
        for (const Line& line : lines_of(message)) {
            if (exported) {
                out << "__REALTIME_TIMESTAMP=" << at
                    << "000000\n_HOSTNAME=mail\nPRIORITY=6\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=" << line.tag
                    << "\nSYSLOG_PID=" << line.pid << "\n_PID=" << line.pid
                    << "\n_BOOT_ID=0123456789abcdef0123456789abcdef\nMESSAGE=" << line.text << "\n\n";
                continue;
            }
            const std::string utc = tool::utc_text(base::Instant{base::seconds{at}});
            out << utc.substr(0, 19) << ".123456+00:00 mail " << line.tag << '[' << line.pid
                << "]: " << line.text << '\n';
        }
    }
    return out.flush() ? 0 : 1;
}

int report(const preview::Tally& tally, std::chrono::steady_clock::time_point began) {
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds_of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    const double processor = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    const auto all = static_cast<double>(tally.lines.all);
    std::printf(
        "%.0f lines, %llu messages to %zu domains in %.2f s: %.0f lines/s; %.2f s of a core: %.0f lines/s; "
        "%ld KiB resident at most\n",
        all, static_cast<unsigned long long>(tally.messages()), tally.domains(), took, all / took, processor,
        all / processor, used.ru_maxrss);
    return 0;
}

int read(const std::vector<std::string>& files) {
    const auto began = std::chrono::steady_clock::now();
    preview::Tally tally;
    for (const std::string& path : files) {
        const auto file = preview::look_at_file(path);
        auto octets = preview::open_log(path);
        if (!file || !octets) {
            std::cerr << (file ? octets.error() : file.error()) << '\n';
            return 1;
        }
        preview::Times times(file->changed, tool::local_zone(), preview::months_of(*file));
        preview::LineReader lines(**octets);
        while (const auto line = lines.next()) preview::read_line(*line, times, tally);
    }
    return report(tally, began);
}

int journal(const std::string& folder) {
    const auto began = std::chrono::steady_clock::now();
    preview::Tally tally;
    const auto done = preview::read_journal(
        {folder, std::nullopt}, [&](const preview::Entry& entry) { preview::read_entry(entry, tally); });
    if (!done) {
        std::cerr << done.error() << '\n';
        return 1;
    }
    return report(tally, began);
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() == 3 && (words[0] == "make" || words[0] == "export"))
        return make(std::stoull(words[1]), words[2], words[0] == "export");
    if (words.size() >= 2 && words[0] == "read") return read({words.begin() + 1, words.end()});
    if (words.size() == 2 && words[0] == "journal") return journal(words[1]);
    std::cerr << "usage: bench_preview make|export LINES FILE, read FILE..., journal DIR\n";
    return 2;
}
