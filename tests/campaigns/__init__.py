"""Long campaigns: the same checks as in the suite, over as many seeds as one likes."""
