"""Operations on a trace that change what metrics say, before and after."""
