#include "explorer/search.hpp"

#include "base/siphash.hpp"

#include <algorithm>
#include <bitset>
#include <cstdio>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace explorer {

namespace {

struct Print {
    std::uint64_t a = 0, b = 0;
    friend bool operator==(const Print&, const Print&) = default;
};
struct PrintHash {
    std::size_t operator()(const Print& p) const noexcept { return p.a; }
};

Print print_of(const std::string& state) {
    return {base::siphash_1_3(state, {1, 2}), base::siphash_1_3(state, {3, 4})};
}

using Possible = std::bitset<acts>;

/// A state that was reached, and how.
struct Node {
    std::uint32_t before = 0;
    Act act{};
    std::uint8_t level = 0;
    std::uint8_t size = 0;
    std::array<Choice, dimensions> choices; ///< each setting is chosen once an act
    Possible possible;
};

/// "policy 12" and "policy 3" are the same problem.
std::string kind_of(const std::string& problem) {
    std::string kind;
    for (const char c : problem)
        if (c < '0' || c > '9') kind.push_back(c);
    return kind;
}

void note(std::vector<Failure>& failures, Failure failure) {
    for (const Failure& known : failures)
        if (kind_of(known.problem) == kind_of(failure.problem)) return;
    failures.push_back(std::move(failure));
}

class Walk {
public:
    Walk(const Alphabet& alphabet, const Sequence& start)
        : alphabet_(alphabet), start_(start), oracle_(alphabet), world_(oracle_) {
        run(nullptr);
        const bool kept = add(print(), {}).second;
        (void)kept;
    }

    Report to(std::size_t depth, std::chrono::steady_clock::time_point until, bool stop_at_first) {
        std::size_t first = 0;
        for (std::size_t level = 0; level < depth; ++level) {
            const std::size_t last = nodes_.size();
            for (; first < last; ++first) {
                if (std::chrono::steady_clock::now() >= until) return report(level);
                if (stop_at_first && !failures_.empty()) return report(level);
                expand(static_cast<std::uint32_t>(first));
            }
        }
        return report(depth);
    }

private:
    static constexpr std::uint32_t failed = ~std::uint32_t{0};

    [[nodiscard]] Print print() const { return print_of(world_.state()); }
    [[nodiscard]] Possible possible() const {
        Possible all;
        for (const Act act : alphabet_.acts) all[static_cast<std::size_t>(act)] = world_.possible(act);
        return all;
    }

    std::pair<std::uint32_t, bool> add(const Print& print, Node node) {
        const auto next = static_cast<std::uint32_t>(nodes_.size());
        const auto [at, added] = seen_.try_emplace(print, next);
        if (added) {
            node.possible = possible();
            nodes_.push_back(node);
        }
        return {at->second, added};
    }

    [[nodiscard]] Sequence sequence_to(std::uint32_t node) const {
        Sequence sequence;
        for (; node != 0; node = nodes_[node].before) {
            const Node& n = nodes_[node];
            sequence.push_back({n.act, {n.choices.begin(), n.choices.begin() + n.size}});
        }
        std::ranges::reverse(sequence);
        return sequence;
    }

    /// Runs from the beginning, through the start and path_, and one step more.
    void run(const Step* last) {
        world_.reset();
        for (const Sequence* const part : std::array<const Sequence*, 2>{&start_, &path_})
            for (const Step& step : *part) {
                oracle_.follow(step.choices);
                world_.happen(step.act);
            }
        if (last == nullptr) return;
        oracle_.follow(last->choices);
        world_.happen(last->act);
        ++executions_;
    }

    void expand(std::uint32_t from) {
        path_ = sequence_to(from);
        edges_.resize(from + 1);
        for (const Act act : alphabet_.acts) {
            if (!nodes_[from].possible[static_cast<std::size_t>(act)]) continue;
            Step step{act, {}};
            do {
                run(&step);
                step.choices = oracle_.choices();
                edges_[from].push_back(arrive(from, step));
            } while (next(step.choices));
        }
    }

    std::uint32_t arrive(std::uint32_t from, const Step& step) {
        if (!world_.problem().empty()) {
            Sequence sequence = start_;
            sequence.insert(sequence.end(), path_.begin(), path_.end());
            sequence.push_back(step);
            note(failures_, {world_.problem(), std::move(sequence)});
            return failed;
        }
        Node node;
        node.before = from;
        node.act = step.act;
        node.level = static_cast<std::uint8_t>(nodes_[from].level + 1);
        node.size = static_cast<std::uint8_t>(step.choices.size());
        std::ranges::copy(step.choices, node.choices.begin());
        return add(print(), node).first;
    }

    /// The settings to try next, after those that the last run has used; false: there are no more.
    bool next(std::vector<Choice>& choices) const {
        const std::vector<Oracle::Made>& made = oracle_.made();
        for (std::size_t i = made.size(); i-- > 0;) {
            const auto at = std::ranges::find(made[i].options, made[i].choice.value);
            if (at == made[i].options.end() || at + 1 == made[i].options.end()) continue;
            choices.resize(i + 1);
            choices[i].value = *(at + 1);
            return true;
        }
        return false;
    }

    /// Counts the sequences: those of one act more that lead to a state are those that lead to the states
    /// before it.
    [[nodiscard]] Report report(std::size_t depth) const {
        Report r;
        r.depth = depth;
        r.executions = executions_;
        r.states = nodes_.size();
        r.failures = failures_;
        std::vector<std::uint64_t> ways(nodes_.size()), longer;
        ways[0] = 1;
        for (std::size_t length = 1; length <= depth; ++length) {
            longer.assign(nodes_.size(), 0);
            for (std::size_t from = 0; from < edges_.size(); ++from) {
                if (ways[from] == 0) continue;
                for (const std::uint32_t to : edges_[from]) {
                    r.sequences += ways[from];
                    if (to != failed) longer[to] += ways[from];
                }
            }
            ways.swap(longer);
        }
        return r;
    }

    const Alphabet& alphabet_;
    const Sequence start_;
    Oracle oracle_;
    World world_;
    Sequence path_;
    std::vector<Node> nodes_;
    std::unordered_map<Print, std::uint32_t, PrintHash> seen_;
    std::vector<std::vector<std::uint32_t>> edges_; ///< to where each node that was expanded leads
    std::uint64_t executions_ = 0;
    std::vector<Failure> failures_;
};

/// Runs a sequence, leaving out what is not possible. The problem, and the sequence up to there.
Failure run_through(World& world, Oracle& oracle, const Sequence& sequence) {
    world.reset();
    Failure result;
    for (const Step& step : sequence) {
        if (!world.possible(step.act)) continue;
        oracle.follow(step.choices);
        world.happen(step.act);
        result.sequence.push_back({step.act, oracle.choices()});
        result.problem = world.problem();
        if (!result.problem.empty()) break;
    }
    return result;
}

std::size_t unusual(const Alphabet& alphabet, const Sequence& sequence) {
    std::size_t n = 0;
    for (const Step& step : sequence)
        n += static_cast<std::size_t>(std::ranges::count_if(step.choices, [&](const Choice& c) {
            return c.value != alphabet.values[static_cast<std::size_t>(c.dimension)].front();
        }));
    return n;
}

} // namespace

Report walk_all(const Alphabet& alphabet, const Sequence& start, std::size_t depth,
                std::chrono::steady_clock::time_point until, bool stop_at_first) {
    return Walk{alphabet, start}.to(depth, until, stop_at_first);
}

Report walk_some(const Alphabet& alphabet, std::size_t length, std::uint64_t seed,
                 std::chrono::steady_clock::time_point until) {
    Report r;
    r.depth = length;
    std::mt19937_64 generator{seed};
    Oracle oracle{alphabet};
    World world{oracle};
    while (std::chrono::steady_clock::now() < until) {
        world.reset();
        Failure failure;
        for (std::size_t i = 0; i < length; ++i) {
            Act act{};
            do act = alphabet.acts[generator() % alphabet.acts.size()];
            while (!world.possible(act));
            oracle.draw(generator);
            world.happen(act);
            failure.sequence.push_back({act, oracle.choices()});
            if (!world.problem().empty()) break;
        }
        ++r.sequences;
        failure.problem = world.problem();
        if (failure.problem.empty()) continue;
        const bool known = std::ranges::any_of(
            r.failures, [&](const Failure& f) { return kind_of(f.problem) == kind_of(failure.problem); });
        if (!known) r.failures.push_back(smallest(alphabet, std::move(failure)));
    }
    r.executions = r.sequences;
    return r;
}

Failure smallest(const Alphabet& alphabet, Failure failure) {
    Oracle oracle{alphabet};
    World world{oracle};
    const std::string kind = kind_of(failure.problem);
    const auto try_it = [&](const Sequence& shorter) {
        Failure again = run_through(world, oracle, shorter);
        if (kind_of(again.problem) != kind) return false;
        const auto cost = [&](const Sequence& s) { return 100 * s.size() + unusual(alphabet, s); };
        if (cost(again.sequence) >= cost(failure.sequence)) return false;
        failure = std::move(again);
        return true;
    };
    for (bool better = true; better;) {
        better = false;
        for (std::size_t i = failure.sequence.size(); i-- > 0 && !better;) {
            Sequence shorter = failure.sequence;
            shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
            better = try_it(shorter);
        }
        for (std::size_t i = 0; i < failure.sequence.size() && !better; ++i)
            for (std::size_t c = 0; c < failure.sequence[i].choices.size() && !better; ++c) {
                Sequence plainer = failure.sequence;
                Choice& choice = plainer[i].choices[c];
                choice.value = alphabet.values[static_cast<std::size_t>(choice.dimension)].front();
                better = try_it(plainer);
            }
    }
    return failure;
}

std::string replay(const std::string& words) {
    const Alphabet any;
    Oracle oracle{any};
    World world{oracle};
    world.be_verbose(true);
    world.reset();
    std::array<std::uint8_t, dimensions> standing{};
    std::string_view left = words;
    while (!left.empty()) {
        const std::string_view word = left.substr(0, left.find(','));
        left.remove_prefix(std::min(word.size() + 1, left.size()));
        Act act{};
        Choice choice;
        if (parse(word, choice)) {
            standing[static_cast<std::size_t>(choice.dimension)] = choice.value;
            continue;
        }
        if (!parse(word, act)) return "no such event: " + std::string(word);
        if (!world.possible(act)) return "not possible here: " + std::string(word);
        oracle.stand(standing);
        world.happen(act);
        for (const Choice& made : oracle.choices())
            if (made.dimension == Dimension::txt && made.value == txt_new)
                standing[static_cast<std::size_t>(made.dimension)] = txt_same;
        std::printf("  after %-16s %s\n", std::string(word).c_str(), world.describe().c_str());
        if (!world.problem().empty()) return world.problem();
    }
    return {};
}

} // namespace explorer
