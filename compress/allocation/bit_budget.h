#pragma once

namespace eigenbit::internal {

/// The bits to plan for, so that what is spent, which differs from what was planned, ends up at a target or just below:
/// the same share more or less at first, longer and longer steps until there is something on either side of the target,
/// then regula falsi on logarithms between what fell short and what was too much.
class BitBudget {
  public:
    explicit BitBudget(double target);

    double next() const;

    /// What planning next() led to.
    void observe(double bits);

  private:
    struct Trial {
        double planned;  // logarithms: of the bits planned, and of those spent over the target
        double excess;
    };

    double aim_;
    double next_;
    double stride_ = 1.0;  // of the next step, as long as all trials fell on one side
    Trial below_;
    Trial above_;
};

}  // namespace eigenbit::internal
