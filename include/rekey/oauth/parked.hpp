// SPDX-License-Identifier: BSL-1.0
// ParkedRequests: refused requests of any type that wait for their users, in memory.
#ifndef REKEY_OAUTH_PARKED_HPP
#define REKEY_OAUTH_PARKED_HPP

#include <rekey/detail/maybe.hpp>
#include <rekey/resumable.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// Keeps requests until their flow ends, each for one taker.
///
/// Threads   any
/// Cost      O(log n); at most `limit` requests, the oldest is dropped for a new one; a request
///           whose authorization has expired is dropped when the next one comes.
class ParkedRequests {
public:
    static constexpr std::size_t default_limit = 10000;

    explicit ParkedRequests(std::size_t limit = default_limit) noexcept
        : limit_(limit == 0 ? 1 : limit) {}

    /// `expires_at`: unix seconds, when the authorization is over.
    template <class Request>
    void keep(Resumable<Request> waiting, std::int64_t expires_at, std::int64_t now) {
        std::string flow = waiting.flow;
        auto parked = std::make_unique<Parked<Request>>(std::move(waiting));
        const std::lock_guard<std::mutex> lock(mutex_);
        while (!ages_.empty()) {
            const auto oldest = requests_.find(ages_.begin()->second);
            const bool is_over = oldest->second.expires_at <= now;
            if (!is_over && ages_.size() < limit_) break;
            requests_.erase(oldest);
            ages_.erase(ages_.begin());
        }
        const std::uint64_t number = ++parked_;
        const bool is_new =
            requests_.emplace(flow, Place{number, expires_at, std::move(parked)}).second;
        if (is_new) ages_.emplace(number, std::move(flow));
    }

    /// The request of a flow, gone from here; nothing if it is not here, is of another type, or
    /// waited too long.
    template <class Request>
    rekey::detail::Maybe<Resumable<Request>> take(std::string_view flow, std::int64_t now) {
        rekey::detail::Maybe<Resumable<Request>> found;
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto place = requests_.find(flow);
        if (place == requests_.end() || place->second.parked->type != type_of<Request>())
            return found;
        if (now < place->second.expires_at)
            found.set(std::move(static_cast<Parked<Request>&>(*place->second.parked).waiting));
        ages_.erase(place->second.number);
        requests_.erase(place);
        return found;
    }

    std::size_t size() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return requests_.size();
    }

private:
    /// Tells request types apart without run-time type information.
    template <class Request> static const void* type_of() noexcept {
        static const char here = 0;
        return &here;
    }
    struct AnyParked {
        explicit AnyParked(const void* of) noexcept : type(of) {}
        AnyParked(const AnyParked&) = delete;
        AnyParked& operator=(const AnyParked&) = delete;
        virtual ~AnyParked() = default;
        const void* type;
    };
    template <class Request> struct Parked final : AnyParked {
        explicit Parked(Resumable<Request>&& given)
            : AnyParked(type_of<Request>()), waiting(std::move(given)) {}
        Resumable<Request> waiting;
    };
    struct Place {
        std::uint64_t number;
        std::int64_t expires_at;
        std::unique_ptr<AnyParked> parked;
    };

    mutable std::mutex mutex_{};
    std::map<std::string, Place, std::less<>> requests_{};
    std::map<std::uint64_t, std::string> ages_{};  // the oldest first
    std::uint64_t parked_ = 0;
    std::size_t limit_;
};

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
