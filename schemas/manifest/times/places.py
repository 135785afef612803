"""Places in the US and Canada that have no time zone of their own, by the zone with their clock.

Left out are names that stand for two places with different clocks, such as Portland (Oregon and Maine), San Jose,
Springfield and Washington, and states and provinces with more than one clock, such as Texas.
"""

_PLACES = {
    "America/New_York": (
        "Akron, Albany, Annapolis, Atlanta, Baltimore, Boston, Buffalo, Cape Coral, Charlotte, Chattanooga, "
        "Chesapeake, Cincinnati, Cleveland, Columbus, Dayton, Fort Lauderdale, Fort Wayne, Grand Rapids, Greensboro, "
        "Harrisburg, Hartford, Hialeah, Jacksonville, Jersey City, Knoxville, Miami, New York City, Newark, NYC, "
        "Orlando, Philadelphia, Pittsburgh, Providence, Raleigh, Savannah, Tallahassee, Tampa, Virginia Beach, "
        "Washington DC, Winston-Salem, Yonkers, "
        "Connecticut, Delaware, District of Columbia, Maine, Maryland, Massachusetts, New Hampshire, New Jersey, "
        "North Carolina, Ohio, Pennsylvania, Rhode Island, South Carolina, Vermont, Virginia, West Virginia"
    ),
    "America/Chicago": (
        "Amarillo, Austin, Baton Rouge, Brownsville, Corpus Christi, Dallas, Des Moines, Fargo, Fort Worth, Houston, "
        "Kansas City, Laredo, Little Rock, Lubbock, McKinney, Memphis, Milwaukee, Minneapolis, Mobile, Montgomery, "
        "Nashville, New Orleans, Oklahoma City, Omaha, Plano, Saint Louis, Saint Paul, San Antonio, Shreveport, "
        "Sioux Falls, St Louis, St Paul, Tulsa, Wichita, "
        "Alabama, Arkansas, Illinois, Iowa, Louisiana, Minnesota, Mississippi, Missouri, Oklahoma, Wisconsin"
    ),
    "America/Denver": (
        "Albuquerque, Billings, Boulder, Cheyenne, Colorado Springs, El Paso, Fort Collins, Provo, Salt Lake City, "
        "Colorado, Montana, New Mexico, Utah, Wyoming"
    ),
    "America/Phoenix": "Arizona, Chandler, Mesa, Scottsdale, Tempe, Tucson",
    "America/Los_Angeles": (
        "Anaheim, Bakersfield, Fresno, Irvine, Las Vegas, Long Beach, Oakland, Reno, Riverside, Sacramento, "
        "San Bernardino, San Diego, San Francisco, Seattle, Spokane, Stockton, Tacoma, California, Washington State"
    ),
    "America/Anchorage": "Alaska, Fairbanks",
    "Pacific/Honolulu": "Hawaii, Hilo, Maui, Oahu",
    "Pacific/Pago_Pago": "American Samoa",
    "America/St_Thomas": "US Virgin Islands, Virgin Islands",
    "America/Toronto": "Brampton, Gatineau, Laval, Markham, Mississauga, Ottawa, Quebec, Quebec City",
    "America/Winnipeg": "Manitoba",
    "America/Regina": "Saskatchewan, Saskatoon",
    "America/Edmonton": "Alberta, Calgary",
    "America/Vancouver": "Burnaby",
    "America/Moncton": "Fredericton, New Brunswick",
    "America/Halifax": "Charlottetown, Nova Scotia, Prince Edward Island",
}

#: The zone of each place, by its name in lower case.
ZONE_OF_PLACE = {place.casefold(): zone for zone, places in _PLACES.items() for place in places.split(", ")}
