"""What the demo tasks know: small tables of facts beyond dispute."""

from __future__ import annotations

CAPITALS = {
    "Argentina": "Buenos Aires", "Australia": "Canberra", "Austria": "Vienna", "Belgium": "Brussels",
    "Brazil": "Brasilia", "Bulgaria": "Sofia", "Canada": "Ottawa", "Chile": "Santiago", "China": "Beijing",
    "Colombia": "Bogota", "Croatia": "Zagreb", "Cuba": "Havana", "Denmark": "Copenhagen", "Ecuador": "Quito",
    "Egypt": "Cairo", "Estonia": "Tallinn", "Ethiopia": "Addis Ababa", "Finland": "Helsinki", "France": "Paris",
    "Germany": "Berlin", "Ghana": "Accra", "Greece": "Athens", "Hungary": "Budapest", "Iceland": "Reykjavik",
    "India": "New Delhi", "Iran": "Tehran", "Iraq": "Baghdad", "Ireland": "Dublin", "Italy": "Rome",
    "Jamaica": "Kingston", "Japan": "Tokyo", "Kenya": "Nairobi", "Latvia": "Riga", "Lithuania": "Vilnius",
    "Morocco": "Rabat", "Mongolia": "Ulaanbaatar", "Nepal": "Kathmandu", "New Zealand": "Wellington",
    "Nigeria": "Abuja", "Norway": "Oslo", "Peru": "Lima", "Poland": "Warsaw", "Portugal": "Lisbon",
    "Romania": "Bucharest", "Senegal": "Dakar", "Slovakia": "Bratislava", "Slovenia": "Ljubljana",
    "South Korea": "Seoul", "Spain": "Madrid", "Sweden": "Stockholm", "Thailand": "Bangkok", "Tunisia": "Tunis",
    "Uganda": "Kampala", "Uruguay": "Montevideo", "Venezuela": "Caracas", "Vietnam": "Hanoi",
    "Zambia": "Lusaka", "Zimbabwe": "Harare",
}  # fmt: skip

_OF_CONTINENT = {
    "Africa": "Egypt, Ethiopia, Ghana, Kenya, Morocco, Nigeria, Senegal, Tunisia, Uganda, Zambia, Zimbabwe, Botswana",
    "Asia": "China, India, Iran, Iraq, Japan, Mongolia, Nepal, South Korea, Thailand, Vietnam, Malaysia, Pakistan",
    "Europe": "Austria, Belgium, Bulgaria, Croatia, Denmark, Estonia, Finland, France, Germany, Greece, Hungary, "
    "Iceland, Ireland, Italy, Norway, Poland, Portugal, Spain, Sweden",
    "North America": "Canada, Cuba, Jamaica, Mexico, Guatemala, Honduras, Nicaragua",
    "South America": "Argentina, Brazil, Chile, Colombia, Ecuador, Peru, Uruguay, Venezuela, Bolivia, Paraguay",
    "Oceania": "Australia, New Zealand, Fiji, Samoa, Tonga, Vanuatu",
}
_OF_ANIMAL_CLASS = {
    "mammal": "dolphin, bat, horse, elephant, whale, mouse, kangaroo, tiger, hedgehog, otter, camel, squirrel",
    "bird": "penguin, eagle, ostrich, sparrow, owl, flamingo, parrot, stork, swan, pigeon",
    "reptile": "crocodile, cobra, gecko, tortoise, iguana, chameleon, python, alligator",
    "amphibian": "frog, toad, newt, salamander, axolotl",
    "fish": "salmon, tuna, shark, trout, herring, carp, cod, seahorse",
    "insect": "ant, bee, butterfly, mosquito, beetle, grasshopper, dragonfly, wasp",
}
_OF_METAL = {
    "metal": "iron, copper, gold, silver, sodium, calcium, aluminium, zinc, lead, magnesium, nickel, tin, potassium",
    "nonmetal": "oxygen, nitrogen, carbon, sulfur, chlorine, helium, neon, phosphorus, hydrogen, iodine, bromine",
}
_OF_INSTRUMENT = {
    "string": "violin, cello, harp, guitar, double bass, viola, mandolin, lute",
    "wind": "flute, clarinet, trumpet, oboe, bassoon, trombone, tuba, saxophone",
    "percussion": "snare drum, triangle, cymbals, xylophone, timpani, tambourine, castanets, gong",
}
_OF_FOOD = {
    "fruit": "apple, banana, cherry, grape, mango, orange, peach, pear, plum, raspberry",
    "vegetable": "carrot, broccoli, cabbage, spinach, cauliflower, leek, radish, celery, kale",
    "grain": "wheat, barley, rye, oats, millet, rice",
}
_OF_COLOUR = {"primary": "red, yellow, blue", "secondary": "orange, green, violet"}
_OF_WORD_CLASS = {
    "noun": "kitchen, happiness, river, teacher, furniture, bicycle, knowledge, village",
    "verb": "arrive, forget, believe, decide, belong, describe, explain, understand",
    "adjective": "happy, enormous, careful, wooden, famous, dangerous, beautiful, lazy",
}


def _by_member(groups: dict[str, str]) -> dict[str, str]:
    return {member: group for group, members in groups.items() for member in members.split(", ")}


CONTINENTS = _by_member(_OF_CONTINENT)
ANIMALS = _by_member(_OF_ANIMAL_CLASS)
METALS = _by_member(_OF_METAL)
INSTRUMENTS = _by_member(_OF_INSTRUMENT)
FOODS = _by_member(_OF_FOOD)
COLOURS = _by_member(_OF_COLOUR)
WORD_CLASSES = _by_member(_OF_WORD_CLASS)

PLANETS = ("Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune")

ELEMENTS = {
    "hydrogen": ("H", 1), "helium": ("He", 2), "lithium": ("Li", 3), "carbon": ("C", 6), "nitrogen": ("N", 7),
    "oxygen": ("O", 8), "fluorine": ("F", 9), "neon": ("Ne", 10), "sodium": ("Na", 11), "magnesium": ("Mg", 12),
    "aluminium": ("Al", 13), "silicon": ("Si", 14), "phosphorus": ("P", 15), "sulfur": ("S", 16),
    "chlorine": ("Cl", 17), "argon": ("Ar", 18), "potassium": ("K", 19), "calcium": ("Ca", 20), "iron": ("Fe", 26),
    "nickel": ("Ni", 28), "copper": ("Cu", 29), "zinc": ("Zn", 30), "silver": ("Ag", 47), "tin": ("Sn", 50),
    "iodine": ("I", 53), "tungsten": ("W", 74), "platinum": ("Pt", 78), "gold": ("Au", 79), "mercury": ("Hg", 80),
    "lead": ("Pb", 82),
}  # fmt: skip

CURRENCIES = {
    "Japan": "yen", "Poland": "zloty", "Hungary": "forint", "India": "rupee", "Thailand": "baht", "Vietnam": "dong",
    "South Korea": "won", "Brazil": "real", "Switzerland": "franc", "Denmark": "krone", "Sweden": "krona",
    "South Africa": "rand", "Mexico": "peso", "Peru": "sol", "Israel": "shekel", "Ukraine": "hryvnia",
    "Czech Republic": "koruna", "Germany": "euro", "Spain": "euro", "United Kingdom": "pound", "China": "yuan",
    "Kenya": "shilling", "Morocco": "dirham", "Nigeria": "naira",
}  # fmt: skip

ANTONYMS = {
    "hot": "cold", "early": "late", "full": "empty", "heavy": "light", "wide": "narrow", "loud": "quiet",
    "cheap": "expensive", "deep": "shallow", "ancient": "modern", "brave": "cowardly", "polite": "rude",
    "strong": "weak", "always": "never", "arrive": "depart", "increase": "decrease", "victory": "defeat",
    "ascent": "descent", "maximum": "minimum", "inside": "outside", "above": "below", "buy": "sell",
    "accept": "reject", "generous": "stingy", "begin": "end", "dry": "wet", "tall": "short",
}  # fmt: skip

PLURALS = {
    "child": "children", "mouse": "mice", "foot": "feet", "tooth": "teeth", "goose": "geese", "woman": "women",
    "city": "cities", "baby": "babies", "leaf": "leaves", "knife": "knives", "box": "boxes", "church": "churches",
    "potato": "potatoes", "hero": "heroes", "wolf": "wolves", "ox": "oxen", "bus": "buses", "key": "keys",
    "window": "windows", "story": "stories", "thief": "thieves", "match": "matches", "crisis": "crises",
}  # fmt: skip

PAST_TENSES = {
    "go": "went", "see": "saw", "write": "wrote", "swim": "swam", "bring": "brought", "catch": "caught",
    "eat": "ate", "fly": "flew", "forget": "forgot", "give": "gave", "hide": "hid", "know": "knew", "lose": "lost",
    "ride": "rode", "sing": "sang", "steal": "stole", "teach": "taught", "throw": "threw", "understand": "understood",
    "wear": "wore", "build": "built", "choose": "chose", "drive": "drove", "feel": "felt", "freeze": "froze",
}  # fmt: skip

COMPARATIVES = {
    "big": ("bigger", "biggest"), "happy": ("happier", "happiest"), "good": ("better", "best"),
    "bad": ("worse", "worst"), "tall": ("taller", "tallest"), "hot": ("hotter", "hottest"),
    "easy": ("easier", "easiest"), "thin": ("thinner", "thinnest"), "large": ("larger", "largest"),
    "busy": ("busier", "busiest"), "cheap": ("cheaper", "cheapest"), "wide": ("wider", "widest"),
    "heavy": ("heavier", "heaviest"), "safe": ("safer", "safest"), "young": ("younger", "youngest"),
}  # fmt: skip

YOUNG_ANIMALS = {
    "cat": "kitten", "dog": "puppy", "cow": "calf", "sheep": "lamb", "horse": "foal", "duck": "duckling",
    "goose": "gosling", "frog": "tadpole", "kangaroo": "joey", "swan": "cygnet", "lion": "cub", "goat": "kid",
    "hen": "chick", "pig": "piglet", "owl": "owlet", "eagle": "eaglet", "deer": "fawn",
}  # fmt: skip

OPPOSITE_DIRECTIONS = {
    "north": "south", "south": "north", "east": "west", "west": "east", "northeast": "southwest",
    "northwest": "southeast", "southeast": "northwest", "southwest": "northeast",
}  # fmt: skip

POLYGONS = {
    "triangle": 3, "square": 4, "pentagon": 5, "hexagon": 6, "heptagon": 7, "octagon": 8, "nonagon": 9, "decagon": 10,
}  # fmt: skip

RIGHT_TRIANGLES = {
    "3 and 4": "5", "5 and 12": "13", "6 and 8": "10", "8 and 15": "17", "9 and 12": "15", "7 and 24": "25",
    "12 and 16": "20", "20 and 21": "29", "15 and 20": "25", "10 and 24": "26", "18 and 24": "30", "12 and 35": "37",
}  # fmt: skip

LEGS = {"spiders": 8, "beetles": 6, "ducks": 2, "horses": 4, "crabs": 10, "ants": 6, "ostriches": 2, "frogs": 4}

MORSE = {
    "a": ".-", "b": "-...", "c": "-.-.", "d": "-..", "e": ".", "f": "..-.", "g": "--.", "h": "....", "i": "..",
    "j": ".---", "k": "-.-", "l": ".-..", "m": "--", "n": "-.", "o": "---", "p": ".--.", "q": "--.-", "r": ".-.",
    "s": "...", "t": "-", "u": "..-", "v": "...-", "w": ".--", "x": "-..-", "y": "-.--", "z": "--..",
}  # fmt: skip
SPELLING_ALPHABET = {
    "a": "Alfa", "b": "Bravo", "c": "Charlie", "d": "Delta", "e": "Echo", "f": "Foxtrot", "g": "Golf", "h": "Hotel",
    "i": "India", "j": "Juliett", "k": "Kilo", "l": "Lima", "m": "Mike", "n": "November", "o": "Oscar", "p": "Papa",
    "q": "Quebec", "r": "Romeo", "s": "Sierra", "t": "Tango", "u": "Uniform", "v": "Victor", "w": "Whiskey",
    "x": "X-ray", "y": "Yankee", "z": "Zulu",
}  # fmt: skip

WORDS = (
    "planet", "garden", "window", "bridge", "candle", "forest", "guitar", "hammer", "island", "jacket", "kitchen",
    "ladder", "market", "needle", "orange", "pencil", "rabbit", "saddle", "tunnel", "velvet", "wallet", "yellow",
    "anchor", "basket", "castle", "desert", "engine", "feather", "glacier", "harbour", "insect", "jungle", "kettle",
    "lantern", "mirror", "napkin", "oyster", "pepper", "quarter", "ribbon", "shadow", "thunder", "umbrella",
    "village", "whistle", "blanket", "chimney", "dolphin", "elephant", "firefly", "gravel", "hazelnut", "journey",
    "library", "mountain", "notebook", "passenger", "raincoat", "sandwich", "teacher",
)  # fmt: skip
PALINDROMES = (
    "level", "radar", "civic", "kayak", "rotor", "refer", "madam", "noon", "deed", "racecar", "solos", "stats",
    "tenet", "rotator", "reviver", "peep", "sagas", "redder",
)  # fmt: skip
ANAGRAMS = (
    ("listen", "silent"), ("night", "thing"), ("stale", "least"), ("angel", "glean"), ("below", "elbow"),
    ("study", "dusty"), ("cider", "cried"), ("heart", "earth"), ("brush", "shrub"), ("cat", "act"), ("loop", "pool"),
    ("taste", "state"), ("inch", "chin"), ("save", "vase"), ("peach", "cheap"), ("bored", "robed"),
)  # fmt: skip
NAMES = (
    "Anna", "Ben", "Clara", "David", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Leo", "Mira", "Noah",
    "Olga", "Pablo", "Rosa", "Sven", "Tara", "Yuki",
)  # fmt: skip
SURNAMES = ("Abel", "Brandt", "Costa", "Dupont", "Ekdahl", "Fischer", "Garcia", "Horvat", "Iversen", "Jansen", "Keller")
PHRASES = (
    "the quiet river turns north", "seven grey geese cross the road", "my neighbour repairs old clocks",
    "every train stops at this station", "fresh bread smells wonderful", "the baker opens before sunrise",
    "two tired hikers found the cabin", "one small boat left the harbour", "nobody expected snow in april",
    "the library closes early today", "green tea cools in the kitchen", "our cat sleeps on the piano",
    "strong winds delayed the ferry", "the children planted nine sunflowers", "her brother collects rare stamps",
    "this bridge was built long ago", "the loud bell woke the village", "the old lamp flickers at night",
    "good friends share simple meals", "the mountain path was steep and narrow",
)  # fmt: skip
SENTENCES = (
    "The shop is open on Sunday", "You have never been to Lisbon", "We missed the last bus", "They sold the old piano",
    "The soup is still warm", "Your sister won the race", "It will snow tomorrow", "The museum has a new director",
    "All tickets are gone", "The lights went out again", "You found the keys", "He speaks five languages",
    "The train leaves at nine", "She painted the whole house", "Nobody heard the phone",
)  # fmt: skip
TERMS = (
    "central processing unit", "world health organization", "frequently asked questions", "estimated time of arrival",
    "light emitting diode", "random access memory", "automated teller machine", "global positioning system",
    "portable document format", "north atlantic treaty organization", "application programming interface",
    "personal identification number", "unidentified flying object", "very important person", "chief executive officer",
    "human resources department", "value added tax", "international space station",
    "gross domestic product", "liquid crystal display", "point of sale", "work in progress",
)  # fmt: skip

PRAISE = ("wonderful", "excellent", "delightful", "fantastic", "superb", "lovely", "brilliant")
BLAME = ("terrible", "awful", "disappointing", "horrible", "dreadful", "useless", "disgusting")
REVIEWED = ("breakfast", "service", "room", "concert", "museum tour", "delivery", "coffee", "garden", "film", "staff")
OPINIONS = (
    "The {thing} was {adjective} from start to end.",
    "What a {adjective} experience we had with the {thing}.",
    "I found the {thing} simply {adjective}.",
    "My whole family thought the {thing} was {adjective}.",
    "Honestly, the {thing} turned out to be {adjective} this time.",
)

PRODUCTS = {
    "apples": 40, "notebooks": 250, "candles": 320, "mugs": 650, "postcards": 90, "batteries": 180, "tickets": 1150,
    "pencils": 75, "light bulbs": 420, "umbrellas": 990, "bread rolls": 60, "pots of honey": 540,
}  # fmt: skip
"""Prices in cents."""
