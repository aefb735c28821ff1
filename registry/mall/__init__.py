"""The mall (碳积分商城): who provides benefits, what they offer for points, and what people order (R23, R27, R60)."""
