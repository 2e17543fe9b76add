from tests.engine.things import Thing

one = Thing("one", label="l")
two = Thing("two", of=one.id)
